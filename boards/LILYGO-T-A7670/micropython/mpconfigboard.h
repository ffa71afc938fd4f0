// MicroPython for LILYGO T-A7670: README.md of the folder above says how it is built.
#define MICROPY_HW_BOARD_NAME "LILYGO-T-A7670"
#define MICROPY_HW_MCU_NAME "ESP32"

// The program is a ROMFS image that is run in place.
#define MICROPY_VFS_ROM (1)

// [console] of board.toml.
#define MICROPY_HW_UART_REPL_BAUD (921600)
