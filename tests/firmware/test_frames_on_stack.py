"""What a terminal does with every turn, for hours, takes no heap just to be called."""

from pathlib import Path

import pytest

from tests.firmware.mpy_frames import WORDS_ON_STACK, words

ROOT = Path(__file__).resolve().parents[2]
# By file: what runs once a second or so while there is nothing to do, and with each sentence of the receiver.
OFTEN = {
    "firmware/beat.py": "Beat.turn Beat._report Beat._pace Beat._look",
    "firmware/bulk.py": "BulkFrames.step",
    "firmware/clock.py": "Clock.uptime_ms Clock.now_ms Clock.offer",
    "firmware/commands.py": "Commands.step Commands._left_ms Commands._answer_next Commands.work",
    "firmware/desk.py": "Desk.panic_field Desk.arrival",
    "firmware/duty.py": "Duty.arrival",
    "firmware/gnss.py": "Receiver.feed Receiver._line Receiver._epoch Receiver._idle_talk Receiver.tick",
    "firmware/health.py": "Health.look Health.due",
    "firmware/indicator.py": "phase",
    "firmware/link.py": "Link.pump Link.wait_ms",
    "firmware/patrol.py": "Patrol.decide Patrol._move",
    "firmware/renewer.py": "Renewer.step",
    "firmware/uplink.py": "Uplink.step Uplink._work Uplink._prepare",
    "firmware/urgent.py": "UrgentLane.step",
    "protocol/at.py": "Reader.feed Reader._sort Reader._told",
    "protocol/exchange.py": "Client.due Client._add_due Client.wait_ms Client._left_ms Client.events",
    "protocol/lines.py": "Splitter.feed Splitter._begin",
    "protocol/nmea.py": "Parser.feed Parser._read Parser._rmc Parser._gga",
    "protocol/renewal.py": "Renewal.wait_ms",
}


@pytest.mark.parametrize("file", OFTEN)
def test_what_runs_with_every_turn_takes_no_heap_to_be_called(file, tmp_path):
    found = words(ROOT / file, tmp_path)
    larger = {name: found[name] for name in OFTEN[file].split() if found[name] > WORDS_ON_STACK}
    assert not larger, f"words, where {WORDS_ON_STACK} are on the stack: {larger}"


def test_one_name_too_many_would_be_seen(tmp_path):
    body = "".join(f"    v{n} = a + {n}\n" for n in range(WORDS_ON_STACK))
    file = tmp_path / "many.py"
    file.write_text(
        f"def many(a):\n{body}    return v1\n"
        "class One:\n"
        "    def few(self, a):\n        return a\n"
        "    def tries(self):\n        try:\n            return self.few(1)\n"
        "        except OSError:\n            return 2\n"
    )
    found = words(file, tmp_path)
    assert found["many"] > WORDS_ON_STACK > found["One.few"] and found["One"] < WORDS_ON_STACK
    # With a handler it takes three words, and room for what an exception brings.
    assert found["One.tries"] >= found["One.few"] + 6, found
