"""The chip's time: what an operation costs, that it is charged, and that the table names what there is."""

import pytest

from flashing.image import load_board, sources
from hwsim import costs
from tests.hwsim.small_bench import SmallBench

BUSY = """
    import sys, time
    import _cost, _bench
    from machine import Pin
    class Program:
        pass
    def work(n, double=False):
        return n * 2 if double else n
    def pieces(n):
        for i in range(n):
            yield i
    class Sign:
        def make(self, text):
            return text + "!"
    program = sys.modules["firmware.work"] = Program()
    program.work, program.pieces, program.Sign = work, pieces, Sign
"""


@pytest.fixture(scope="module")
def program():
    return sources(load_board("SIM"))


def test_every_operation_of_the_table_is_in_the_program(program):
    """Whoever renames one renames it in costs.toml too: else the chip would do it in no time."""
    linked = {line.split()[2] for line in program["lines.txt"].splitlines()}
    missing = []
    for name in costs.load():
        module, path = name.split(":")
        if module in ("gc", "asyncio") or name == "import:patrola":
            continue
        if module == "import":
            found = path.replace(".", "/") + ".py" in program
        elif module in linked:
            found = _defines(program["patrola.py"], path, module)
        else:
            found = _defines(program.get(module.replace(".", "/") + ".py", ""), path, module)
        if not found:
            missing.append(name)
    assert missing == []


def _defines(text, path, module):
    first, *rest = path.split(".")
    names = (f"{module.split('.')[-1]}_{first.lstrip('_')}", first)
    here = [name for name in names if f"\ndef {name}(" in text or f"\nclass {name}" in text]
    return bool(here) and all(f"    def {member}(" in text for member in rest)


def test_the_look_for_names_can_fail(program):
    assert _defines(program["patrola.py"], "Signer.sign", "firmware.signer")
    assert not _defines(program["patrola.py"], "Signer.sing", "firmware.signer")
    assert not _defines(program["patrola.py"], "Singer.sign", "firmware.signer")


def test_a_board_pays_its_factor_and_its_collections():
    table = {"gc:collect": (50, 0), "a:small": (10, 0), "a:wasteful": (10, 16384)}
    assert costs.charges(45, table) == {"gc:collect": 2250, "a:small": 450, "a:wasteful": 45 * 60}
    assert costs.charges(0, table) == {}


def charged(folder, rest, table, told_us=0):
    run = SmallBench(folder, "")
    text = "\n".join(line[4:] for line in BUSY.splitlines()) + rest
    (folder / "program.py").write_text(text)
    run.terminal.costs = table
    run.terminal.told_us = told_us
    return run


# What the program of these tests would be after its import: the wrappers are put on as it is loaded.
LOADED = """
_cost._wrap_all(program, "firmware.work")
begun = time.ticks_us()
"""
TABLE = {"firmware.work:work": 300, "firmware.work:pieces": 2000, "firmware.work:Sign.make": 150_000}


def test_calls_take_their_time_and_do_what_they_do(tmp_path):
    run = charged(
        tmp_path,
        LOADED
        + """
print(program.work(3), program.work(4, double=True), time.ticks_diff(time.ticks_us(), begun))
print(list(program.pieces(3)), time.ticks_diff(time.ticks_us(), begun))
print(program.Sign().make("x"), time.ticks_diff(time.ticks_us(), begun))
""",
        TABLE,
    ).boot(2)
    assert run.lines()[:3] == ["3 8 600", "[0, 1, 2] 6600", "x! 156600"]


def test_computing_costs_a_message_only_where_something_may_come_in(tmp_path):
    """To the horizon the program computes by itself. Here the world stirs every 2 ms: small charges end
    there, a long one is a wait, and what comes in ends it."""
    program = LOADED + 'for _ in range(100):\n    program.work(1)\nprogram.Sign().make("x")\nprint("done")\n'

    def messages(folder, every_us):
        folder.mkdir()
        run = charged(folder, program, TABLE)
        if every_us:

            def stir():
                run.kernel.after(every_us, stir)

            stir()
        run.terminal.power_on()
        assert run.kernel.run_until(lambda: "done" in run.lines(), 2)
        return run.terminal.messages

    calm = messages(tmp_path / "calm", None)
    assert 12 <= messages(tmp_path / "stirred", 2000) - calm <= 30


def test_an_interrupt_is_served_in_the_middle_of_a_computation_and_costs_it_nothing(tmp_path):
    run = charged(
        tmp_path,
        """
key = Pin(20, Pin.IN, Pin.PULL_UP)
at = [0]
def edge(pin):
    at[0] = time.ticks_us()
key.irq(edge, Pin.IRQ_FALLING)
"""
        + LOADED
        + """
program.Sign().make("x")
print(time.ticks_diff(at[0], begun), time.ticks_diff(time.ticks_us(), begun))
""",
        TABLE,
        told_us=1000,
    )
    started = []

    def busy(event):
        if event.what == "note" and event.fields["text"] == "busy 150000 firmware.work:Sign.make":
            started.append(event.t_us)
            run.kernel.at(event.t_us + 31_234, run.terminal.pin_in, "panic", 0)

    run.kernel.subscribe(busy)
    run.boot(2)
    assert len(started) == 1
    assert run.lines()[0] == "31234 150000"


def test_bytes_gather_in_the_buffer_while_the_program_computes(tmp_path):
    run = charged(
        tmp_path,
        """
from machine import UART
uart = UART(1, 9600, rxbuf=64)
"""
        + LOADED
        + 'program.Sign().make("x")\nprint(uart.any(), uart.read()[:3])\n',
        TABLE,
        told_us=1000,
    )

    def busy(event):
        if event.what == "note":
            run.kernel.at(event.t_us + 1, run.terminal.port("gnss").send_to_guest, bytes(range(65, 115)))

    run.kernel.subscribe(busy)
    run.boot(2)
    assert run.lines()[0] == "50 b'ABC'"


def test_the_clock_never_goes_back_between_a_charge_and_the_wait_after_it(tmp_path):
    """The program is ahead of the bench by less than a millisecond when it begins to wait, and interrupts
    come just then."""
    run = charged(
        tmp_path,
        """
key = Pin(20, Pin.IN, Pin.PULL_UP)
edges = [0]
def edge(pin):
    edges[0] += 1
key.irq(edge)
"""
        + LOADED
        + """
last = time.ticks_us()
for _ in range(400):
    program.work(1)
    assert time.ticks_diff(time.ticks_us(), last) >= 300, "the charge was lost"
    charged = time.ticks_us()
    _bench.wait(_bench.now_us + 400)  # until then, or until an interrupt
    last = time.ticks_us()
    assert 0 <= time.ticks_diff(last, charged) <= 400, time.ticks_diff(last, charged)
print("edges", edges[0])
""",
        TABLE,
    )
    run.terminal.power_on()
    run.kernel.run_for(0.2)
    for number in range(2000):
        run.kernel.at(400_000 + number * 333, run.terminal.pin_in, "panic", number & 1)
    run.kernel.run_for(2)
    what, count = run.lines()[0].split()
    assert what == "edges" and int(count) > 200


def test_how_many_arguments_an_operation_has_is_known_only_where_it_is_certain():
    assert costs.arguments("firmware.gnss:Receiver.feed") == 3
    assert costs.arguments("firmware.gnss:Receiver.tick") == 0  # one may be left out
    assert costs.arguments("protocol.report:encode") == 0  # others are called encode
    assert costs.arguments("firmware.report_builder:ReportBuilder.make") == -1  # some by their names
    assert costs.arguments("gc:collect") == costs.arguments("firmware.gnss:Receiver.fade") == -1
