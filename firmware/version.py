"""Which program this is, and the day before which no clock can be right."""

VERSION = (0, 1, 0)

# 2024-01-01T00:00:00Z in ms. A receiver at a cold start says 1980 or 1999, an unset modem 1980 or 2070:
# no frame of this program can have been made before the program.
NOT_BEFORE_MS = 1704067200000
# No car carries this for nineteen years; a GPS week roll-over (1,024 weeks = 19.6 years) falls outside.
NOT_AFTER_MS = NOT_BEFORE_MS + 19 * 365 * 86400000
