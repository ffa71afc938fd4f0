"""What is measured by the bytes it allocates. MicroPython."""

from benchmarks import plain_comb
from benchmarks.timing import Work
from benchmarks.work import nmea, p256
from benchmarks.work.frames import KID, POSITION
from protocol import cose, report


def sentence():
    """The mean over a receiver's second."""
    return nmea.typed_in()


def splitting():
    lines = nmea.typed_in_lines()

    def once():
        for line in lines:
            line.split(b",")

    return Work(once, len(lines))


def frame():
    """Report to signed frame with a prepared point, as the firmware does; the preparing counted in."""
    mine = p256.signer(1)

    def once():
        p256.fill(mine)
        return cose.sign1_encode(KID, report.encode(POSITION), mine.sign)

    return Work(once)


def plain_frame():
    nonces, h = p256.Nonces(), p256.digest()

    def sign(_):
        return plain_comb.sign(p256.D, h, nonces.next())

    return Work(lambda: cose.sign1_encode(KID, report.encode(POSITION), sign))
