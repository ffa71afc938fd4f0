"""The serial loader in an ESP32's ROM, as far as `esptool write-flash` uses it, on a pseudo-terminal.

https://docs.espressif.com/projects/esptool/en/latest/esp32/advanced-topics/serial-protocol.html
"""

import hashlib
import os
import select
import struct
import threading
import zlib

_END, _ESC = 0xC0, 0xDB
_MAGIC_REGISTER = 0x40001000
_MAGICS = {"esp32": 0x00F01D83, "esp32s2": 0x000007C6}
_SECURITY_IDS = {"esp32s3": 9, "esp32c3": 5}
_CLOCK = 40_000_000 // 115200
_UART_CLKDIV = (0x3FF40014, 0x60000014)
_SPI_W0 = (0x3FF42080, 0x60002058)
_FLASH_ID = 0x1640EF  # 4 MB
_OK = bytes(4)
_STUB_RUNS = b"OHAI"


class FakeRom:
    """Answers on `end`, our side of a pty. `chip` is what it says it is; `flash` what was written. esptool
    puts a program of its own into RAM, the stub, and goes on with that: it is played here too.
    `bad_write`: a bit of the first data is lost on flash."""

    def __init__(self, end, chip="esp32", size=4 * 1024 * 1024, bad_write=False):
        self._end = end
        self._chip = chip
        self.flash = bytearray(b"\xff" * size)
        self.operations = []
        self._bad_write = bad_write
        self._inflate = None
        self._stub = False
        self._at = 0
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.close(self._stopped)
        self._thread.join()
        os.close(self._stop)

    def _run(self):
        packet, inside, escaped = bytearray(), False, False
        while True:
            ready, _, _ = select.select([self._end, self._stop], [], [])
            if self._stop in ready:
                return
            for byte in os.read(self._end, 65536):
                if byte == _END:
                    if inside and packet:
                        self._packet(bytes(packet))
                        inside = False
                    else:
                        inside = True
                    packet.clear()
                elif escaped:
                    packet.append({0xDC: _END, 0xDD: _ESC}[byte])
                    escaped = False
                elif byte == _ESC:
                    escaped = True
                elif inside:
                    packet.append(byte)

    def _packet(self, packet):
        if len(packet) < 8 or packet[0] != 0:
            return
        _, operation, size, _ = struct.unpack_from("<BBHI", packet)
        data = packet[8 : 8 + size]
        self.operations.append(operation)
        answer = getattr(self, f"_op_{operation:02x}", None)
        if answer is None:
            self._answer(operation, status=b"\x01\x05\x00\x00")  # this ROM knows no such command
        else:
            answer(data)

    def _answer(self, operation, value=0, data=b"", status=_OK):
        data += status[:2] if self._stub else status
        packet = struct.pack("<BBHI", 1, operation, len(data), value) + data
        body = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        os.write(self._end, b"\xc0" + body + b"\xc0")

    def _op_08(self, data):  # SYNC: the ROM answers eight times
        for _ in range(8):
            self._answer(0x08, 0x20120707)

    def _op_0a(self, data):  # READ_REG
        (address,) = struct.unpack_from("<I", data)
        value = 0
        if address == _MAGIC_REGISTER:
            value = _MAGICS.get(self._chip, 0)
        elif address in _UART_CLKDIV:
            value = _CLOCK
        elif address in _SPI_W0:
            value = _FLASH_ID
        self._answer(0x0A, value)

    def _op_09(self, data):  # WRITE_REG
        self._answer(0x09)

    def _op_14(self, data):  # GET_SECURITY_INFO, which the first two of the family have not
        if self._chip in _SECURITY_IDS:
            self._answer(0x14, 0, struct.pack("<IB7sII", 0, 0, bytes(7), _SECURITY_IDS[self._chip], 0))
        else:
            self._answer(0x14, status=b"\x01\x05\x00\x00")

    def _op_0d(self, data):  # SPI_ATTACH
        self._answer(0x0D)

    def _op_0b(self, data):  # SPI_SET_PARAMS
        self._answer(0x0B)

    def _op_0f(self, data):  # CHANGE_BAUDRATE
        self._answer(0x0F)

    def _op_05(self, data):  # MEM_BEGIN
        self._answer(0x05)

    def _op_07(self, data):  # MEM_DATA
        self._answer(0x07)

    def _op_06(self, data):  # MEM_END: what was put into RAM runs
        self._answer(0x06)
        self._stub = True
        os.write(self._end, b"\xc0" + _STUB_RUNS + b"\xc0")

    def _op_02(self, data):  # FLASH_BEGIN
        _, _, _, self._at = struct.unpack_from("<IIII", data)
        self._answer(0x02)

    def _op_03(self, data):  # FLASH_DATA
        self._write(0x03, data, lambda piece: piece)

    def _op_04(self, data):  # FLASH_END
        self._answer(0x04)

    def _op_10(self, data):  # FLASH_DEFL_BEGIN
        _, _, _, self._at = struct.unpack_from("<IIII", data)
        self._inflate = zlib.decompressobj()
        self._answer(0x10)

    def _op_11(self, data):  # FLASH_DEFL_DATA
        self._write(0x11, data, self._inflate.decompress)

    def _op_12(self, data):  # FLASH_DEFL_END
        self._answer(0x12)

    def _write(self, operation, data, unpack):
        (size,) = struct.unpack_from("<I", data)
        plain = unpack(data[16 : 16 + size])
        if self._bad_write and plain:
            plain = bytes((plain[0] ^ 1,)) + plain[1:]
            self._bad_write = False
        self.flash[self._at : self._at + len(plain)] = plain
        self._at += len(plain)
        self._answer(operation)

    def _op_13(self, data):  # SPI_FLASH_MD5: the ROM says it in text
        address, size = struct.unpack_from("<II", data)
        digest = hashlib.md5(self.flash[address : address + size])
        self._answer(0x13, 0, digest.digest() if self._stub else digest.hexdigest().encode())
