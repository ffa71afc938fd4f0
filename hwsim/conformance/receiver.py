"""A receiver that says exactly what a case wants, once a second."""

import datetime

_SECOND_US = 1_000_000


def sentence(body):
    """$ body * checksum CR LF."""
    check = 0
    for byte in body.encode():
        check ^= byte
    return f"${body}*{check:02X}\r\n".encode()


def rmc(utc, lat="4458.20000,N", lon="01936.60000,E", speed="0.00", course="", status="A", talker="GN"):
    mode = "A" if status == "A" else "N"
    place = f"{lat},{lon},{speed},{course}" if status == "A" else ",,,,,"
    return sentence(f"{talker}RMC,{utc:%H%M%S}.00,{status},{place},{utc:%d%m%y},,,{mode}")


def gga(utc, lat="4458.20000,N", lon="01936.60000,E", quality=1, sats=9, hdop="0.9", alt="84.0", talker="GN"):
    place = f"{lat},{lon}" if quality else ",,,"
    return sentence(f"{talker}GGA,{utc:%H%M%S}.00,{place},{quality},{sats:02d},{hdop},{alt},M,43.1,M,,")


class Receiver:
    """On the GNSS UART of a car, in place of its own; before it is switched on. `says(utc)` gives the bytes
    of one second, a list; it may be changed at any time."""

    def __init__(self, car, epoch, says):
        self.kernel = car.kernel
        self.says = says
        self.baud = 9600
        self.moving = False
        self._port = car.terminal.port("gnss")
        self._epoch = epoch
        self._timer = None
        car.terminal.attach_uart("gnss", self)
        car.gnss = self

    def start(self):
        self._port.device_baud = self.baud
        now = self.kernel.now_us
        self._timer = self.kernel.at((now // _SECOND_US + 1) * _SECOND_US, self._burst)

    def stop(self):
        if self._timer is not None:
            self._timer.cancel()

    def bytes_from_guest(self, data):
        """Settings of a receiver are not modelled."""

    def utc(self):
        return self._epoch + datetime.timedelta(microseconds=self.kernel.now_us)

    def _burst(self):
        self._timer = self.kernel.after(_SECOND_US, self._burst)
        data = b"".join(self.says(self.utc()))
        if data:
            self._port.send_to_guest(data)
