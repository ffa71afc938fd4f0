"""Every bound of the wire in one place, tied together: change one and what no longer fits fails at import.

The asserts relate constants to each other and never check input (`-O` strips them).
"""

from protocol.compat import const

# --- link: one CoAP message in one UDP datagram. 1152 is RFC 7252 4.6's advice and stays below
# the 1280-byte IPv6 minimum whatever tunnels the operator puts around it.
MAX_DATAGRAM = const(1152)
COAP_HEADER = const(4)
MAX_TOKEN = const(8)

# --- OSCORE, AES-CCM-16-64-128 (RFC 8613 3.2, 3.3)
AEAD_KEY = const(16)
AEAD_NONCE = const(13)
AEAD_TAG = const(8)
MAX_OSCORE_ID = const(7)  # nonce length - 6
MAX_PARTIAL_IV = const(5)
MAX_SEQUENCE = const(0xFFFFFFFFFF)  # 2^40 - 1: a Partial IV holds five bytes
REPLAY_WINDOW = const(64)

# Outside: header, token, OSCORE option (2 head, flags, Partial IV, kid), Observe (1 head + 3), marker.
# Inside: code, Uri-Path of one segment (1 head + 15), Content-Format (1 + 2), Observe (1 + 3), marker, tag.
OSCORE_OUTSIDE = const(4 + 8 + 2 + 1 + 5 + 7 + 4 + 1)
OSCORE_INSIDE = const(1 + 16 + 3 + 4 + 1 + 8)
OSCORE_OVERHEAD = const(65)
assert OSCORE_OUTSIDE + OSCORE_INSIDE == OSCORE_OVERHEAD
assert COAP_HEADER + MAX_TOKEN + 3 + MAX_PARTIAL_IV + MAX_OSCORE_ID + 5 == OSCORE_OUTSIDE
assert 1 << (8 * MAX_PARTIAL_IV) == MAX_SEQUENCE + 1
assert MAX_OSCORE_ID == AEAD_NONCE - 6

# --- frames
KID = const(8)
SIGNATURE = const(64)
MAX_FRAME = const(440)
# tag + array + bstr head + {1: -7, 4: kid} + {} + payload's bstr head + signature's bstr head and bytes
FRAME_OVERHEAD = const(1 + 1 + 1 + 13 + 1 + 3 + 2 + 64)
MAX_REPORT = const(354)
assert MAX_REPORT + FRAME_OVERHEAD == MAX_FRAME
assert 13 == 1 + 2 + 1 + 1 + KID and SIGNATURE == 64
MAX_FRAMES = const(6)
MAX_BATCH = const(1087)  # bytes of frames in one POST /f
assert MAX_BATCH + OSCORE_OVERHEAD == MAX_DATAGRAM
MAX_TRACE = const(240)  # bytes of a terminal's own trace in one health report
assert MAX_TRACE + 95 <= MAX_REPORT  # beside all else that a health report can say
assert 2 * MAX_FRAME <= MAX_BATCH  # the largest frame never travels alone for lack of room
MAX_COMMANDS = const(900)  # bytes of the command list in one notification
assert MAX_COMMANDS + OSCORE_OVERHEAD <= MAX_DATAGRAM

# --- CBOR: what a decoder is willing to hold
MAX_CBOR_SIZE = const(4096)
MAX_CBOR_DEPTH = const(8)
MAX_CBOR_LENGTH = const(512)  # elements of one array, pairs of one map
assert MAX_DATAGRAM <= MAX_CBOR_SIZE
assert MAX_REPORT <= MAX_CBOR_LENGTH  # a one-byte-per-element track still decodes
