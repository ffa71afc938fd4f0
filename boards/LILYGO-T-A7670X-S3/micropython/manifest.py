# ruff: noqa: F821
# Names of the program, so that they take nothing of its heap (python -m flashing.frozen).
freeze("../../micropython/modules", "patrola_names.py")
# The port's own modules and asyncio; nothing of the network: datagrams go through the modem.
freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
