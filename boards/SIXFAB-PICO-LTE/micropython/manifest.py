# ruff: noqa: F821
# The port's own modules but `_boot.py`, which would take all of the flash for files.
freeze("$(PORT_DIR)/modules", ("rp2.py",))
freeze("modules")
include("$(MPY_DIR)/extmod/asyncio")
