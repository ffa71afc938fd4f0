# ruff: noqa: F821
# Names of the program, so that they take nothing of its heap (python -m flashing.frozen).
freeze("../../micropython/modules", "patrola_names.py")
# The port's own modules but `_boot.py`, which would take all of the flash for files.
freeze("$(PORT_DIR)/modules", ("rp2.py",))
freeze("modules")
include("$(MPY_DIR)/extmod/asyncio")
