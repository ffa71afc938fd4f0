"""The initiator as on the terminal - MicroPython, its P-256, its AES-CCM - with lakers in this process."""

import random
import subprocess
from contextlib import contextmanager

from tests.conftest import ROOT, micropython
from tests.protocol.lakers_peer import Gateway, Key

C_R = b"\xd0\x0d\x00\x01"


class Chip:
    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def ask(self, kind: str, data: bytes = b"") -> list[str]:
        self._process.stdin.write(f"{kind} {data.hex()}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().split()

    def hear(self, kind: str, data: bytes = b"", expected: str = "") -> list[bytes]:
        got, *rest = self.ask(kind, data)
        assert got == expected, rest
        return [bytes.fromhex(one) for one in rest]


@contextmanager
def chip(own: Key, ephemeral: Key, gateway: Key):
    command = [micropython(), "tests/peers/micropython_edhoc.py"]
    command += [own.private.hex(), ephemeral.private.hex(), gateway.public.hex()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield Chip(process)
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_handshakes_of_the_chip_with_lakers():
    rng = random.Random(1)
    for _ in range(12):
        own, ephemeral, key = Key(rng), Key(rng), Key(rng)
        gateway = Gateway(key, {own.kid: own})
        with chip(own, ephemeral, key) as terminal:
            (message_1,) = terminal.hear("1", expected="1")
            message_2 = gateway.message_2(message_1, C_R)
            c_r, message_3 = terminal.hear("2", message_2, expected="3")
            message_4 = gateway.message_4(message_3)
            keys = terminal.hear("4", message_4, expected="k")
        assert c_r == C_R and gateway.c_i == b"\x01" and gateway.kid == own.kid
        assert tuple(keys) == gateway.oscore()


def test_the_chip_refuses_what_was_changed_and_then_takes_the_true_one():
    rng = random.Random(2)
    own, ephemeral, key = Key(rng), Key(rng), Key(rng)
    gateway = Gateway(key, {own.kid: own})
    with chip(own, ephemeral, key) as terminal:
        (message_1,) = terminal.hear("1", expected="1")
        message_2 = gateway.message_2(message_1, C_R)
        assert terminal.ask("4", message_2) == ["!", "Misuse"]
        assert terminal.ask("2", message_2[:-1]) == ["!", "Malformed"]
        off_curve = b"\x58\x37" + b"\xff" * 32 + message_2[34:]
        assert terminal.ask("2", off_curve) == ["!", "Malformed"]
        changed = message_2[:-1] + bytes([message_2[-1] ^ 1])
        assert terminal.ask("2", changed) == ["!", "Unauthentic"]
        _, message_3 = terminal.hear("2", message_2, expected="3")
        assert terminal.ask("2", message_2) == ["!", "Misuse"]
        message_4 = gateway.message_4(message_3)
        changed = message_4[:-1] + bytes([message_4[-1] ^ 1])
        assert terminal.ask("4", changed) == ["!", "Unauthentic"]
        assert tuple(terminal.hear("4", message_4, expected="k")) == gateway.oscore()


def test_a_stranger_is_no_gateway_to_the_chip():
    rng = random.Random(3)
    own, ephemeral, key, stranger = Key(rng), Key(rng), Key(rng), Key(rng)
    stranger.kid, stranger.cred = key.kid, key.cred
    with chip(own, ephemeral, key) as terminal:
        (message_1,) = terminal.hear("1", expected="1")
        for _ in range(4):
            assert terminal.ask("2", Gateway(stranger, {}).message_2(message_1, C_R)) == ["!", "Unauthentic"]
        assert terminal.ask("2", Gateway(key, {}).message_2(message_1, C_R)) == ["!", "Misuse"]  # it is over
