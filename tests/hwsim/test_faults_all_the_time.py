"""Faults that are there all the time, more or less: weather, wires, keys that bounce, ticks that wrap."""

import pytest

from hwsim.faults import Faults
from tests.hwsim.idle_house import IdleHouse


def through(idle, count=400):
    """What comes of many datagrams sent to somebody who echoes them: the answers, with their numbers."""
    got = []
    flow = idle.car.path.socket(lambda data, source: got.append((idle.kernel.now_us, int(data))))
    sent = {}
    for number in range(count):
        sent[number] = idle.kernel.now_us
        flow.send(b"%d" % number, ("192.0.2.99", 7))
        idle.run(0.02)
    idle.run(10)
    return [(number, at_us - sent[number]) for at_us, number in got]


@pytest.mark.parametrize("name", ["loss", "duplicate", "reorder", "delay_ms"])
def test_the_weather_is_as_bad_as_it_says(tmp_path, name):
    def judge(answers):
        numbers = [number for number, _ in answers]
        return {
            "loss": len(set(numbers)) < 390,
            "duplicate": len(numbers) > len(set(numbers)) + 5,
            "reorder": sum(b < a for a, b in zip(numbers, numbers[1:], strict=False)) > 5,
            "delay_ms": max(us for _, us in answers) > 150_000,
        }

    seed = 3
    for value in (0.0, 1000.0 if name == "delay_ms" else 0.5):
        folder = tmp_path / str(value)
        folder.mkdir()
        with IdleHouse(folder, Faults(**{name: value}), seed) as idle:
            while name == "delay_ms" and value and idle.car.path.weather.rtt_ms < 200:
                idle.run(60)  # from 30 ms up: there are good days among them
            verdict = judge(through(idle))
            assert bool(idle.faults("weather")) == bool(value)
            assert verdict.pop(name) == bool(value)
            # Whoever is overtaken is late as well.
            assert not any(bad for other, bad in verdict.items() if (name, other) != ("reorder", "delay_ms"))


@pytest.mark.parametrize("name", ["uart_garble", "uart_lose"])
def test_a_wire_is_as_bad_as_it_says(tmp_path, name):
    for share in (0.0, 0.01):
        folder = tmp_path / str(share)
        folder.mkdir()
        with IdleHouse(folder, Faults(**{name: share})) as idle:
            idle.run(60)
            rows = [row["rmc"] for row in idle.lines() if row["rmc"]]
            whole = sum(row.startswith("$GNRMC,") and row.count(",") == 12 and _sum_fits(row) for row in rows)
            assert len(rows) > 20
            assert (whole == len(rows)) == (share == 0)


def _sum_fits(row):
    body, _, digits = row[1:].partition("*")
    total = 0
    for byte in body.encode("ascii", "replace"):
        total ^= byte
    return digits == f"{total:02X}"


def test_a_key_bounces_badly(tmp_path):
    for share in (0.0, 1.0):
        folder = tmp_path / str(share)
        folder.mkdir()
        with IdleHouse(folder, Faults(key_bounce=share)) as idle:
            idle.run(5)
            for _ in range(4):
                idle.car.panel.press("panic", 100)
                idle.run(1)
            edges = int(idle.said("edges"))
            assert (edges > 4 * 2 * 7) == bool(share)  # an edge and up to six bounces, down and up


def test_ticks_wrap_at_a_moment_of_their_own(tmp_path):
    for share in (0.0, 1.0):
        folder = tmp_path / str(share)
        folder.mkdir()
        with IdleHouse(folder, Faults(ticks_wrap=share)) as idle:
            idle.run(3)
            assert (19_000 < int(idle.said("wrap")) <= 20_000) == (share == 0)
