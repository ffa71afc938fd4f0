"""Sessions on flash that may be cut, and the gateway's side of them."""

from firmware.ccm import AesCcm
from firmware.session import Session
from protocol import coap
from protocol.coap import CON, POST, Message
from protocol.oscore import Context, peek
from tests.firmware.cutflash import CutFlash
from tests.firmware.uplink_bench import FLASH, LINK, SLOTS, adopt

OTHER = {
    "secret": b"another secret!!",
    "salt": b"87654321",
    "sender_id": b"\xaa\xbb\xcc\xdd",
    "recipient_id": b"\x01",
}


def flash():
    if FLASH:
        FLASH.pop().power_off()
    FLASH.append(CutFlash("/bench", 16))
    return FLASH[0]


def session(log=None):
    return Session(AesCcm(), SLOTS, log)


def agreed(link=LINK, log=None):
    it = session(log)
    adopt(it, link)
    return it


def request():
    return Message(CON, POST, options=[(coap.URI_PATH, b"f")], payload=b"x")


def use(it, urgent=True):
    """(kid, Partial IV) of one more request, or None."""
    protected = it.protect(request(), urgent)
    if protected is None:
        return None
    kid, _, piv = peek(protected[0])
    return kid, int.from_bytes(piv, "big")


def number(it, urgent=True):
    used = use(it, urgent)
    return None if used is None else used[1]


def gateway(link):
    return Context(link["secret"], link["salt"], link["recipient_id"], link["sender_id"], AesCcm())


def answer(it, link):
    """One request and the gateway's answer to it."""
    outer, binding = it.protect(request(), True)
    there = gateway(link)
    reply = Message(CON, coap.CHANGED, payload=b"ok")
    return it.unprotect(there.protect_response(reply, there.unprotect_request(outer)[1]), binding)
