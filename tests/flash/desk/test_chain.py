"""From a blank board to a car of the demonstration, as it is typed: each command is a process, against
`python -m hwsim board --pty` and a gateway. Nobody is there to help."""

import contextlib
import json
import os
import signal
import subprocess
import sys

from tests.conftest import ROOT

# Faster than the wall, and slow enough for a busy machine: a key is waited for a minute of the board's.
_SPEED = 3


@contextlib.contextmanager
def desk(folder, gateway):
    """(its port, its flash file, the pipes to it and from it)."""
    orders, said = folder / "orders", folder / "said"
    for pipe in (orders, said):
        os.mkfifo(pipe)
    # Both ends of each: whoever opens them meanwhile, the board sees no end.
    ends = [os.open(pipe, os.O_RDWR) for pipe in (orders, said)]
    flash = folder / "board.flash"
    command = [sys.executable, "-m", "hwsim", "board", "--pty", "--flash", str(flash), "--speed", str(_SPEED)]
    command += ["--gateway", "%s:%d" % gateway]
    process = subprocess.Popen(command, cwd=ROOT, stdin=ends[0], stdout=ends[1])
    try:
        with os.fdopen(os.dup(ends[1])) as lines:
            port = lines.readline().split()[1]
            assert lines.readline().split() == ["flash", str(flash)]
        yield port, flash, orders, said
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait()
        for end in ends:
            os.close(end)
    assert code == 0


def typed(*words):
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr}"
    return done.stdout


def test_flash_and_provision_and_test_and_it_drives_in_the_demonstration(bench, tmp_path):
    bench.cars([{"unit": "vr-101"}])
    jig = ROOT / "tests" / "flash" / "desk" / "desk_jig.py"
    with desk(tmp_path, bench.headquarters.udp) as (port, flash, orders, said):
        typed("flash.py", "flash", "--board", "SIM", "--port", port)
        common = ["--board", "SIM", "--port", port, "--records", bench.records]
        common += ["--technician", bench.headquarters.technician, "--unit", "vr-101"]
        lists = ["--config", bench.csv, "--settings", bench.settings]
        typed("flash.py", "provision", *common, *lists, "--gateway", bench.headquarters.url)
        hands = f"{sys.executable} {jig} {orders} {said}"
        out = typed("flash.py", "test", *common, "--jig", hands, "--acknowledge-s", "10")
        assert "vranje/ps-vranje/vr-101: passed" in out
    record = bench.record(name="test.json")["record"]
    assert {step["name"]: step["result"] for step in record["steps"]}["drill"] == "good"
    assert bench.headquarters.registry() == {"vr-101": record["kid"]}
    report = tmp_path / "report.json"
    typed(
        *("-m", "hwsim", "demo", "--terminals", "1", "--board", flash, "--seconds", "20"),
        *("--json", report),
    )
    said = json.loads(report.read_text())
    (name,) = [name for name, kid in said["kids"].items() if kid == record["kid"]]
    assert said["datagrams"][name]["up"] > 5 and said["datagrams"][name]["down"] > 5
    assert said["lost"] == 0 and not said["broken"]
