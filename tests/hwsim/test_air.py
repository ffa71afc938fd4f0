"""The bench's ear on the air: which frames a datagram carries, and which requests still want their answer."""

from hwsim.air import AirMonitor
from hwsim.kernel import Kernel
from hwsim.openssl import Ccm
from protocol import cbor, coap, cose, oscore, report

SECRET, SALT, SENDER = b"s" * 16, b"t" * 8, b"1234"
KID = b"12345678"


class Car:
    """A terminal that protects as the firmware does, and the gateway's side of its link."""

    def __init__(self):
        self.kernel = Kernel(1)
        self.heard = []
        self.keys = []
        self.kernel.subscribe(lambda event: self.heard.append(event) if event.what == "frame.sent" else None)
        self.kernel.subscribe(
            lambda event: self.keys.append(event.fields["state"]) if event.what == "keys" else None
        )
        self.contexts = {SENDER: (b"\x01", SECRET, SALT)}
        self.monitor = AirMonitor(self.kernel, "car", self.contexts.get)
        self.context = oscore.Context(SECRET, SALT, SENDER, b"\x01", Ccm())
        self.number = 0

    def message(self, payload, *path, code=coap.POST):
        self.number += 1
        options = [(coap.URI_PATH, part) for part in path]
        return coap.Message(coap.CON, code, self.number, bytes([self.number]), options, payload)

    def request(self, *frames, path=b"f", code=coap.POST):
        message = self.message(b"".join(frames), path, code=code)
        return self.context.protect_request(message)[0].encode()

    def handshake(self, payload):
        return self.message(payload, b".well-known", b"edhoc").encode()

    def up(self, data, fate="sent"):
        self.kernel.emit("car", "air", direction="up", fate=fate, data=data)

    def answer(self, token, code=coap.CHANGED, fate="sent"):
        data = coap.Message(coap.ACK, code, 1, bytes([token]), [], b"").encode()
        self.kernel.emit("car", "air", direction="down", fate=fate, data=data)

    def names(self):
        return [(event.fields["boot"], event.fields["seq"]) for event in self.heard]


def frame(seq, panic=None):
    fields = {report.BOOT: 3, report.SEQ: seq, report.KIND: report.KIND_STATUS, report.STATUS: 1}
    if panic is not None:
        fields = {
            report.BOOT: 3,
            report.SEQ: seq,
            report.KIND: report.KIND_PANIC,
            report.PANIC: {0: panic, 1: 1},
        }
    return cose.sign1_encode(KID, report.encode(fields), lambda _: bytes(64))


def test_every_frame_is_told_once_lost_datagrams_included():
    car = Car()
    data = car.request(frame(0), frame(1, panic=65537))
    car.up(data, fate="lost")
    car.up(data)
    car.up(car.request(frame(1, panic=65537), frame(2)))
    assert car.names() == [(3, 0), (3, 1), (3, 2)]
    assert (car.heard[1].fields["panic"], car.heard[1].fields["state"]) == (65537, 1)
    assert car.monitor.unread == 0


def test_a_request_wants_its_answer_until_one_gets_through():
    car = Car()
    car.up(car.request(frame(0)))
    assert car.monitor.unanswered == 1
    car.answer(1, fate="lost")
    car.answer(1, code=0x81)  # 4.01, from anybody
    car.answer(9)
    assert car.monitor.unanswered == 1
    car.answer(1)
    assert car.monitor.unanswered == 0


def test_the_same_frames_protected_anew_are_answered_together():
    car = Car()
    car.up(car.request(frame(0)))
    car.up(car.request(frame(0)))
    car.up(car.request(frame(0), frame(1)))
    car.answer(2)
    assert car.monitor.unanswered == 1, "frame 1 still waits"
    car.answer(3)
    assert car.monitor.unanswered == 0


def test_other_requests_other_cars_and_noise_are_passed_by():
    car = Car()
    car.up(car.request(path=b"c", code=coap.GET))
    car.kernel.emit("other", "air", direction="up", fate="sent", data=car.request(frame(0)))
    assert car.monitor.unanswered == 0 and car.names() == []
    car.up(b"\xff\x00 noise")
    stranger = oscore.Context(b"x" * 16, SALT, SENDER, b"\x01", Ccm(), sequence=9)
    message = coap.Message(coap.CON, coap.POST, 1, b"\x01", [(coap.URI_PATH, b"f")], cbor.encode(1))
    car.up(stranger.protect_request(message)[0].encode())
    assert car.monitor.unread == 2


def test_it_reads_on_when_a_terminal_has_made_new_keys():
    car = Car()
    car.up(car.request(frame(0)))
    car.contexts[b"next"] = (b"\x01", b"n" * 16, SALT)
    car.context, old = oscore.Context(b"n" * 16, SALT, b"next", b"\x01", Ccm()), car.context
    car.up(car.request(frame(1)))
    car.context = old
    car.contexts.clear()  # the store has forgotten; the ear has not
    car.up(car.request(frame(2)))
    assert car.names() == [(3, 0), (3, 1), (3, 2)]
    assert car.monitor.unread == 0


def test_what_was_sent_under_keys_that_nobody_has_is_counted_as_unread():
    car = Car()
    car.contexts.clear()
    car.up(car.request(frame(0)))
    assert car.names() == [] and car.monitor.unread == 1 and car.keys == []


def test_it_tells_how_far_a_handshake_has_come():
    car = Car()
    car.up(car.handshake(b"\xf5" + bytes(41)))
    car.up(car.handshake(b"\xf5" + bytes(41)))
    car.answer(1)
    assert car.keys == ["handshake"] and car.monitor.handshakes == 0
    car.up(car.handshake(b"\x44next" + bytes(19)))
    car.answer(3, fate="lost")
    car.answer(3, code=0x80)
    assert car.keys == ["handshake"]
    car.answer(3)
    assert car.keys == ["handshake", "made"] and car.monitor.handshakes == 1
    car.answer(3)
    car.up(car.request(frame(0)))
    car.number = 2
    car.up(car.handshake(b"\x44next" + bytes(19)))  # a repeat that was overtaken
    assert car.keys == ["handshake", "made", "used"] and car.monitor.handshakes == 1
    assert car.monitor.unread == 0
