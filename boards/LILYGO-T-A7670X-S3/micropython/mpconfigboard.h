// MicroPython for LILYGO T-A7670X-S3-Standard: README.md of the folder above says how it is built.
#define MICROPY_HW_BOARD_NAME "LILYGO-T-A7670X-S3"
#define MICROPY_HW_MCU_NAME "ESP32-S3"

// The program is a ROMFS image that is run in place.
#define MICROPY_VFS_ROM (1)
