# The Pico W's radio is not used, so this is a plain Pico to MicroPython: its program is half as large.
set(PICO_BOARD "pico")
set(PICO_PLATFORM "rp2040")

# Both slots of [[flash.slots]], then [flash.files] and [flash.journal].
set(MICROPY_HW_ROMFS_BYTES 524288)
set(MICROPY_HW_FLASH_STORAGE_BYTES 1081344)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
