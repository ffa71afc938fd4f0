"""What is made ahead is what a terminal makes, to the byte."""

import pytest
from cryptography.exceptions import InvalidTag

from hwsim.load import sealed
from hwsim.load.ear import name
from hwsim.openssl import verifier
from protocol import cbor, coap, cose, report
from protocol.oscore import Context
from tests.hwsim.load.small import GATEWAY, SALT, SECRET, Ccm, fleet, headquarters, stock

BOOT, NOW = 1_790_000_000, 1_790_000_000_123


def sealer(car, sequence=0):
    c = car.context
    material = (c.sender_key, c.common_iv, c.sender_id, sequence)
    return sealed.Sealer(car.number, car.scalar, car.kid, BOOT, material)


@pytest.mark.parametrize("kind", sealed.NAMES)
def test_a_frame_is_the_one_that_protocol_would_write(kind):
    (car,) = fleet(1)
    frame = sealer(car).frame(kind, NOW)
    parts = cose.sign1_verify(frame, verifier(car.public))
    assert parts.kid == car.kid
    fields = report.decode(parts.payload)
    assert report.encode(fields) == parts.payload
    assert (fields[report.BOOT], fields[report.SEQ], fields[report.TIME]) == (BOOT, 0, NOW)
    assert fields[report.KIND] == kind
    assert cose.sign1_encode(car.kid, parts.payload, lambda _: parts.signature) == frame


@pytest.mark.parametrize("value", [0, 23, 24, 255, 256, 65535, 65536, 1 << 32, -1, -24, -25, -1 << 31])
def test_integers_are_those_of_protocol(value):
    assert sealed.integer(value) == cbor.encode(value)


@pytest.mark.parametrize("sequence", [0, 1, 255, 256, 1 << 31, (1 << 40) - 1])
def test_a_datagram_is_the_one_that_protocol_would_seal(sequence):
    (car,) = fleet(1)
    made = sealer(car, sequence).datagram(b"frames", 0x1234, b"tokn")
    inner = coap.Message(coap.CON, coap.POST, 0, b"", [(coap.URI_PATH, b"f")], b"frames")
    theirs = Context(SECRET, SALT, car.context.sender_id, GATEWAY, Ccm(), sequence=sequence)
    outer, _ = theirs.protect_request(inner)
    outer.message_id, outer.token = 0x1234, b"tokn"
    assert made == outer.encode()


@pytest.mark.parametrize("fresh", [False, True])
def test_an_answer_is_opened_whether_it_has_a_number_of_its_own_or_not(fresh):
    made = stock(1)
    (car,) = made.cars
    desk = headquarters(car)
    request = coap.decode(made.data[3])
    inner, binding = desk.unprotect_request(request)
    assert inner.path() == "/f"
    answer = desk.protect_response(coap.Message(coap.ACK, coap.CHANGED), binding, fresh=fresh)
    opener = sealed.Opener(car.context)
    option = answer.option(coap.OSCORE)
    assert opener.code(made.sequence(3), option, answer.payload) == coap.CHANGED
    with pytest.raises(InvalidTag):
        opener.code(made.sequence(4), option, answer.payload)


def test_every_datagram_of_a_stock_opens_and_brings_the_frames_it_is_said_to():
    made = stock(3, rate=10, seconds=2, urgent=0.3, batch=3)
    desks = [headquarters(car) for car in made.cars]
    seen = set()
    for index, data in enumerate(made.data):
        place = index % 3
        message = coap.decode(data)
        assert int.from_bytes(message.token, "big") == index
        inner, binding = desks[place].unprotect_request(message)
        assert int.from_bytes(binding.piv, "big") == made.sequence(index)
        frames = [cbor.encode(item) for item in cbor.decode_sequence(inner.payload, 6)]
        assert len(frames) == made.count[index]
        for offset, frame in enumerate(frames):
            kid, boot, seq = name(frame)
            assert (kid, boot) == (made.cars[place].kid, made.boot)
            assert seq == made.first[index] + offset
            assert made.owner[place][seq] == index
            seen.add((place, seq))
    assert len(seen) == made.frames
    assert {sealed.PANIC, sealed.STATUS, sealed.POSITION} <= set(made.kinds)


@pytest.mark.parametrize(("cars", "wires"), [(6, 2), (7, 3), (3, 1), (2, 2)])
def test_no_message_id_comes_twice_on_a_wire(cars, wires):
    one = stock(cars, rate=40, seconds=1, wires=wires, message_id=65_530)
    two = stock(cars, rate=40, seconds=1, wires=wires, message_id=65_530 + one.ids)
    seen = set()
    for made in (one, two):
        for index, data in enumerate(made.data):
            used = index % cars % wires, coap.decode(data).message_id
            assert used not in seen
            seen.add(used)


def test_two_processes_make_what_one_makes():
    one, two = stock(3, seconds=1), stock(3, seconds=1)
    two.boot = one.boot
    two.make(2)
    desk = headquarters(two.cars[2])
    assert (
        desk.unprotect_request(coap.decode(two.data[2]))[0].payload[:17]
        == (headquarters(one.cars[2]).unprotect_request(coap.decode(one.data[2]))[0].payload[:17])
    )
    assert [len(d) for d in one.data] == [len(d) for d in two.data]
