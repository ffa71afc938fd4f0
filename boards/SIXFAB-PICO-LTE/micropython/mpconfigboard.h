// MicroPython for the Sixfab Pico LTE: README.md of the folder above says how it is built.
#define MICROPY_HW_BOARD_NAME "SIXFAB-PICO-LTE"
