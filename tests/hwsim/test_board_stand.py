"""A board behind a port: MicroPython's own prompt, the time that things take."""

import os
import signal
from pathlib import Path

from hwsim.board_stand import BoardStand
from hwsim.lockstep import COMPUTING
from tests.hwsim.prompt_client import FILL, Client


def test_a_friendly_prompt(stand, client):
    client.write(b"1 + 1\r\n")
    assert client.until(b">>> ") == b"1 + 1\r\n2\r\n>>> "
    client.write(b"\x02")
    banner = client.until(b">>> ").decode()
    assert "MicroPython v1.29.0 on" in banner and "Simulated terminal with sim\r\n" in banner
    assert 'Type "help()" for more information.' in banner and "linux" not in banner


def test_a_paste_at_the_friendly_prompt(client):
    client.write(b"\x05")
    client.until(b"=== ")
    client.write(b"for n in range(3):\r\n    print('n is', n)\r\n\x04")
    assert b"n is 0\r\nn is 1\r\nn is 2\r\n" in client.until(b">>> ")


def test_a_raw_prompt(client):
    client.raw()
    assert client.run("print(6 * 7)") == ("42\r\n", "")
    printed, error = client.run("print('a')\nraise ValueError('b')")
    assert printed == "a\r\n" and error.endswith("ValueError: b\r\n")
    assert client.run("x = 3") == ("", "") and client.run("print(x)") == ("3\r\n", "")


def test_raw_paste_with_its_windows(stand, client):
    client.raw()
    lines = [f"a{n} = {n}" for n in range(400)]
    assert client.paste("\n".join(lines) + "\nprint(a399)") == ("399\r\n", "")
    assert client.run("print(a0, a250)") == ("0 250\r\n", "")
    assert stand.console.lost == 0


def test_what_does_not_keep_to_windows_is_lost_while_the_board_is_busy(stand, client):
    client.raw()
    client.write(b"import machine, time\ntime.sleep(1)\x04" + b"#" * 2000)
    client.until(b"\x04")
    assert stand.until(lambda: stand.console.lost > 1500)


def test_it_says_what_it_is(client):
    client.raw()
    printed, _ = client.run("import sys, os\nprint(sys.platform, sys.implementation[:2], os.uname()[3])")
    assert printed.startswith("sim ('micropython', (1, 29, 0, '')) v1.29.0 on ")


def test_another_chip_another_version_another_number():
    unique = b"\x01\x02\x03\x04\x05\x06"
    with (
        BoardStand(platform="rp2", micropython="1.20.0", unique_id=unique) as stand,
        Client(stand.port) as client,
    ):
        assert b"MicroPython v1.20.0 on " in client.until(b">>> ")
        client.raw()
        code = "import sys, machine\nprint(sys.platform, sys.implementation.version, machine.unique_id())"
        assert client.run(code)[0] == f"rp2 (1, 20, 0, '') {unique!r}\r\n"


def test_a_chip_with_nothing_on_it():
    with BoardStand(micropython=None) as stand, Client(stand.port) as client:
        client.write(b"\r\x03\x03")
        client.until(b"invalid header: 0xffffffff\r\n")
        client.until(b"invalid header: 0xffffffff\r\n")


def test_a_flash_that_is_neither_blank_nor_a_file_system(tmp_path):
    """As an ESP32's MicroPython: it says so for ever, and Ctrl-C gives a prompt with nothing mounted."""
    flash = tmp_path / "flash"
    flash.write_bytes(b"\x00" * 100 + b"\xff" * (4194304 - 100))
    before = flash.read_bytes()
    with BoardStand(flash_path=flash) as stand, Client(stand.port) as client:
        for _ in range(2):
            client.until(b"The filesystem appears to be corrupted. ")
            client.until(b"by firmware programming).\r\n\r\n")
        assert stand.now_us > 3_000_000
        assert b"KeyboardInterrupt" in client.friendly()
        client.raw()
        assert "ENODEV" in client.run("open('/a', 'w')")[1]
        client.write(b"\x04")
        client.until(b"MPY: soft reboot\r\n")
        client.until(b"The filesystem appears to be corrupted. ")
    assert flash.read_bytes() == before


def test_what_it_reads_between_two_looks_is_not_taken_for_read(stand, client):
    """A board that was thought to wait, and computed, was heard no more until somebody typed."""

    def look():
        process = stand.terminal.program._process
        plain = process._in_read

        def slowly():
            found = plain()
            os.kill(process.pid, signal.SIGCONT)
            while process._unread():
                pass
            return found

        os.kill(process.pid, signal.SIGSTOP)
        while "T (stopped)" not in Path(f"/proc/{process.pid}/status").read_text():
            pass
        process.type(b"1\r")
        process._in_read = slowly
        found = process.reads()
        os.kill(process.pid, signal.SIGCONT)
        return found

    assert stand.prompts()
    assert not stand.do(look)


def test_control_c_ends_a_wait_and_a_loop(stand, client):
    for code in (b"import time; time.sleep(1)\r\n", b"import machine; machine.lightsleep()\r\n"):
        client.write(code + b"\x03")
        assert b"KeyboardInterrupt" in client.until(b">>> ")
    client.write(b"while True: pass\r\n\r\n")
    client.until(b"... ")
    client.write(b"\x03")
    assert b"KeyboardInterrupt" in client.until(b">>> ")
    client.write(b"2 + 2\r\n")
    assert client.until(b">>> ") == b"2 + 2\r\n4\r\n>>> "


def test_control_c_is_a_character_where_the_program_wants_it(client):
    """`micropython.kbd_intr(-1)`: as a terminal whose console is closed."""
    client.raw()
    code = "import micropython, sys\nmicropython.kbd_intr(-1)\nprint('go')\nprint(sys.stdin.buffer.read(3))"
    client.write(code.encode() + b"\x04")
    client.until(b"go\r\n")
    client.write(b"a\x03b")
    assert client.until(b"\x04") == b"b'a\\x03b'\r\n\x04"


def test_a_soft_reset_starts_anew_in_the_same_prompt(stand, client):
    client.raw()
    client.run("x = 1\nwith open('/main.py', 'w') as file: file.write('print(\"main runs\")')")
    client.write(b"\x04")
    assert client.until(b"raw REPL; CTRL-B to exit\r\n>").startswith(b"OK\r\nMPY: soft reboot\r\n")
    assert "NameError" in client.run("print(x)")[1]  # and not main.py's "main runs" before it
    client.friendly()
    client.write(b"\x04")
    said = client.until(b">>> ")
    assert (
        said.startswith(b"MPY: soft reboot\r\nmain runs\r\n")
        or b"\r\nMPY: soft reboot\r\nmain runs\r\n" in said
    )
    client.write(b"import machine; machine.reset()\r\n")
    assert b"main runs\r\n" in client.until(b">>> ")
    assert [e.fields["cause"] for e in stand.events if e.what == "start"] == ["power", "soft", "soft", "hard"]


def test_a_running_program_is_stopped_at_the_prompt(stand, client):
    client.raw()
    program = "import time\nn = 0\nwhile True:\n    n += 1\n    time.sleep_ms(100)\n    print(n)"
    client.run(f"with open('/main.py', 'w') as file: file.write({program!r})")
    client.friendly()
    client.write(b"\x04")
    client.until(b"3\r\n")
    client.write(b"\x03")
    assert b"KeyboardInterrupt" in client.until(b">>> ")
    client.write(b"n > 2\r\n")
    assert b"True" in client.until(b">>> ")  # its names are there, as on a board


def test_bytes_come_as_they_are_and_lines_with_a_return(client):
    client.raw()
    client.write(b"import sys\nprint('a\\nb')\nn = sys.stdout.buffer.write(bytes((10, 13, 0, 255)))\x04")
    client.until(b"OK")
    assert client.until(b"\x04") == b"a\r\nb\r\n\n\r\x00\xff\x04"


def test_much_that_nobody_reads_is_kept(client):
    client.raw()
    client.write(b"for n in range(3000): print('%06d' % n)\x04")
    client.until(b"OK")
    lines = client.until(b"\x04").decode().split()
    assert lines[:-1] == [f"{n:06}" for n in range(3000)][: len(lines) - 1] and len(lines) == 3001


def test_the_line_takes_its_time(stand, client):
    """10 bits a byte at 921,600 baud; flash as the model says."""
    client.raw()
    begun = stand.now_us
    client.run("#" * 200)
    short = stand.now_us - begun
    begun = stand.now_us
    client.paste("#" * 20_200)
    assert 20_000 * 10 / 0.9216 < stand.now_us - begun - short < 3 * 20_000 * 10 / 0.9216
    begun, operations = stand.now_us, stand.flash.operations
    client.run(FILL)
    assert stand.now_us - begun > 45_000 * 3 and stand.flash.operations - operations > 80


def test_its_clock_stands_while_the_prompt_waits(stand, client):
    client.raw()
    client.run("1")
    begun = stand.now_us
    assert not stand.until(lambda: stand.now_us > begun, 0.3)


def test_keys_modem_and_lamps_are_there(stand, client):
    client.raw()
    code = """
from machine import Pin, UART
import time
red, key = Pin(10, Pin.OUT), Pin(22, Pin.IN, Pin.PULL_UP)
Pin(17, Pin.OUT, value=1)
Pin(15, Pin.OUT, value=1)
time.sleep(1)
Pin(15, Pin.OUT, value=0)
red.value(1)
uart = UART(2, 115200)
for n in range(40):
    uart.write(b"AT\\r")
    time.sleep(1)
    if b"OK" in (uart.read() or b""):
        print("modem")
        break
while key.value():
    time.sleep_ms(10)
print("key")
"""
    client.write(code.encode() + b"\x04")
    client.until(b"modem\r\n")
    stand.press("on_the_way", 500)
    client.until(b"key\r\n")
    assert stand.do(lambda: stand.terminal.level("red")) == 1


def test_a_pin_written_at_the_prompt_is_there_at_once(stand, client):
    client.raw()
    client.run("from machine import Pin\nlamp = Pin(10, Pin.OUT, value=1)")
    assert stand.do(lambda: stand.terminal.level("red")) == 1
    client.run("lamp.value(0)")
    assert stand.do(lambda: stand.terminal.level("red")) == 0
    client.run("import machine\ndog = machine.WDT(timeout=2000)")
    client.run("import time\nfor n in range(3):\n    time.sleep(1)\n    dog.feed()")
    client.run("time.sleep_ms(1900)\ndog.feed()")
    client.run("time.sleep_ms(1900)")
    client.write(b"time.sleep_ms(500)\x04")
    assert stand.until(lambda: [event for event in stand.events if event.what == "watchdog"])


def test_a_modem_that_is_dead():
    with BoardStand(modem=None) as stand, Client(stand.port) as client:
        client.until(b">>> ")
        client.raw()
        code = "from machine import UART\nimport time\nuart = UART(2, 115200)\nuart.write(b'AT\\r')\n"
        code += "time.sleep(2)\nprint(uart.read())"
        assert client.run(code)[0] == "None\r\n"


def test_it_follows_the_wall():
    with BoardStand(speed=50) as stand, Client(stand.port) as client:
        client.until(b">>> ")
        begun = stand.now_us
        assert stand.until(lambda: stand.now_us > begun + 2_000_000, 10)


def test_a_datagram_does_not_come_in_the_middle_of_what_the_program_computes():
    """It may have run on past when that would arrive."""
    with BoardStand(gateway=("127.0.0.1", 9)) as stand, Client(stand.port) as client:
        states = set()
        stand.outside.look = lambda: states.add(stand.terminal.program.state)
        client.raw()
        client.run("for n in range(3000000):\n    pass")
        assert COMPUTING not in states and states
