# ruff: noqa: F821
# What a MicroPython built with the program frozen in would hold. The bench doesn't freeze: it mounts the
# ROMFS image that `./flash.py image --board SIM` builds from the same two folders.
package("protocol", base_path="../..")
package("firmware", base_path="../..")
