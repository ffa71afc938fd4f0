"""The line between a device and the terminal's UART."""

from hwsim.kernel import Kernel
from hwsim.uart import FIFO, UartPort


class Device:
    def __init__(self):
        self.got = []

    def bytes_from_guest(self, data):
        self.got.append(data)


def line(baud=9600, seed=1):
    kernel = Kernel(seed)
    arrived = []
    port = UartPort(kernel, "car/gnss", 1, lambda _, data: arrived.append((kernel.now_us, data)))
    port.device = Device()
    if baud:
        port.setup(baud)
    return kernel, port, arrived


def test_bytes_take_their_time_and_come_in_portions_of_the_fifo():
    kernel, port, arrived = line()
    burst = bytes(range(256)) + b"x" * 44
    port.send_to_guest(burst)
    kernel.run_for(1)
    assert b"".join(data for _, data in arrived) == burst
    assert [len(data) for _, data in arrived] == [FIFO, FIFO, 60]
    byte_us = 10_000_000 / 9600
    assert abs(arrived[0][0] - 120 * byte_us) < 10
    assert abs(arrived[2][0] - 310 * byte_us) < 10  # ten characters of silence end the rest


def test_bytes_sent_one_by_one_arrive_together():
    kernel, port, arrived = line()
    for n in range(20):
        kernel.at(n * 1042, port.send_to_guest, bytes((n,)))
    kernel.run_for(1)
    assert [data for _, data in arrived] == [bytes(range(20))]


def test_a_pause_separates():
    kernel, port, arrived = line()
    port.send_to_guest(b"one")
    kernel.at(100_000, port.send_to_guest, b"two")
    kernel.run_for(1)
    assert [data for _, data in arrived] == [b"one", b"two"]
    assert arrived[1][0] > 100_000


def test_nobody_listens_before_the_program_has_set_the_uart_up():
    kernel, port, arrived = line(baud=None)
    port.send_to_guest(b"lost")
    kernel.run_for(1)
    assert arrived == []


def test_what_is_on_the_line_when_power_goes_is_lost():
    kernel, port, arrived = line()
    port.send_to_guest(b"x" * 500)
    port.bytes_written(b"y" * 50, 0)
    kernel.run(200_000)
    port.power_off()
    kernel.run_for(1)
    assert sum(len(data) for _, data in arrived) == 120
    assert port.device.got == [b"y" * 50]


def test_what_the_program_writes_arrives_after_its_last_bit():
    kernel, port, _ = line(115200)
    port.bytes_written(b"AT\r", 0)
    port.bytes_written(b"ATI\r", 0)
    kernel.run(300)
    assert port.device.got == [b"AT\r"]
    kernel.run(700)
    assert port.device.got == [b"AT\r", b"ATI\r"]


def test_another_baud_rate_is_noise_both_ways():
    kernel, port, arrived = line(9600)
    port.device_baud = 115200
    port.send_to_guest(b"+CPIN: READY\r\n")
    port.bytes_written(b"AT\r", 0)
    kernel.run_for(1)
    assert b"READY" not in arrived[0][1]
    assert port.device.got != [b"AT\r"]


def test_faults_lose_and_garble_and_repeat_with_the_seed():
    def run(seed):
        kernel, port, arrived = line(seed=seed)
        port.faults.lose = 0.1
        port.faults.garble = 0.1
        port.send_to_guest(b"\x00" * 1000)
        kernel.run_for(5)
        return b"".join(data for _, data in arrived)

    one = run(1)
    assert 850 < len(one) < 950
    assert 50 < sum(1 for byte in one if byte) < 150
    assert one == run(1) != run(2)
