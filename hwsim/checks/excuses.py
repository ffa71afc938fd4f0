"""What the bench did to a terminal or to headquarters, so that the rules know what it may be forgiven. A
fault excuses what stands here beside its name, and nothing else.

The names are those of the bench's `source="fault"` events.
"""

MINUTE_US = 60_000_000

# A task that died or hung, a heap without room: for a while keys may not be looked at, lamps not be changed.
BLIND = frozenset({"task_death", "task_hang", "heap_exhaustion"})
BLIND_US = MINUTE_US
# After these the watchdog may have to bite, or the program to end and start afresh.
BITES = BLIND | {"flash_worn", "flash_rot", "flash_full", "bad_program"}
BITES_US = 5 * MINUTE_US
HANGS = frozenset({"task_hang"})
# In the middle of a start it ends that start, and no other.
STARVES = frozenset({"heap_exhaustion"})
# One bit of rot costs one record at most (docs/adr/0014), of those that wait on flash just then.
ROT = frozenset({"flash_rot"})
# One worn block costs nothing: another is taken. With an eighth of the journal's a new frame may be in memory
# only, and go with the power.
WORN = frozenset({"flash_worn"})
WORN_OUT = 32
# Bytes on the way to the modem are changed: what leaves it need not be what the terminal said.
NOISE = frozenset({"uart_noise"})
NOISE_US = 60 * MINUTE_US
# Somebody on the way made a datagram of his own, in headquarters' name.
FORGED = frozenset({"forged"})
FORGED_US = 1_000_000
# Headquarters' file was thrown away.
STORE_LOST = frozenset({"lose_store"})
# The broker went, and took what it had confirmed with it.
BROKER_LOST = frozenset({"broker_kill"})
