# ruff: noqa: F821
# The port's own modules and asyncio; nothing of the network: datagrams go through the modem.
freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
