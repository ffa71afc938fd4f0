"""Same seed, same tree: the same trace. Each seed is played twice, by two processes that hash strings
differently and take the seeds in opposite orders, so that neither the order of a set nor what an earlier run
left behind can be part of a story without being noticed.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hwsim.faults import profile
from hwsim.house import House
from hwsim.rig import Kit
from hwsim.soak import SETTINGS, Soak

_ROUND = 8  # seeds that one process takes forwards and the other backwards
_HASHES = ("0", "1")
_KIT = "kit.pickle"


@dataclass
class Told:
    """`differ`: seed -> what differs first, in both; `broken`: seed -> violations, sentences."""

    seeds: list
    differ: dict = field(default_factory=dict)
    broken: dict = field(default_factory=dict)

    def as_json(self):
        return {
            "seeds": [self.seeds[0], self.seeds[-1]],
            "same": len(self.seeds) - len(self.differ),
            "differ": self.differ,
            "violations": self.broken,
        }


class Player:
    """A process that plays the seeds it is told."""

    def __init__(self, folder, options, hashes):
        words = [sys.executable, "-m", "hwsim.seeds", str(folder), json.dumps(options)]
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        root = Path(__file__).resolve().parent.parent
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            words, cwd=root, env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1
        )

    def ask(self, seed, events=None):
        self._process.stdin.write(json.dumps({"seed": seed, "events": events}) + "\n")

    def answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process that plays seeds has ended")
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def twice(seeds, terminals=1, hours=0.05, faults="full", often=10.0, said=None, folders=None):
    """A Told. `said(seed, differs)` hears of each seed; `folders`: where each of the two finds its kit."""
    seeds = list(seeds)
    told = Told(seeds)
    options = {"terminals": terminals, "hours": hours, "faults": faults, "often": often}
    with tempfile.TemporaryDirectory(prefix="patrola-seeds-") as folder:
        if folders is None:
            make(Path(folder), terminals)
            folders = (folder, folder)
        players = [Player(at, options, hashes) for at, hashes in zip(folders, _HASHES, strict=True)]
        try:
            for at in range(0, len(seeds), _ROUND):
                _round(seeds[at : at + _ROUND], players, told, said, Path(folder))
        finally:
            for player in players:
                player.close()
    return told


def make(folder, terminals):
    """A kit that both find in `folder`."""
    folder.joinpath(_KIT).write_bytes(pickle.dumps(Kit(folder, terminals, SETTINGS)))


def _round(seeds, players, told, said, folder):
    for player, order in zip(players, (seeds, seeds[::-1]), strict=True):
        for seed in order:
            player.ask(seed)
    rows = [{row["seed"]: row for row in (player.answer() for _ in seeds)} for player in players]
    for seed in seeds:
        one, other = (row[seed] for row in rows)
        differs = one["trace"] != other["trace"]
        if differs:
            told.differ[seed] = _first_difference(seed, players, folder)
        if one["violations"]:
            told.broken[seed] = one["violations"]
        if said is not None:
            said(seed, differs)


def _first_difference(seed, players, folder):
    """The first event that is another one, as both have it; None where a third and a fourth run agree."""
    files = [folder / f"events-{number}" for number in range(len(players))]
    for player, file in zip(players, files, strict=True):
        player.ask(seed, str(file))
    for player in players:
        player.answer()
    with files[0].open() as one, files[1].open() as other:
        for a, b in zip(one, other, strict=False):
            if a != b:
                return [a.rstrip("\n"), b.rstrip("\n")]
    return None


def _play(folder, options):
    """In a process of its own: seeds come in, results go out."""
    made = pickle.loads(Path(folder, _KIT).read_bytes())  # noqa: S301 - our own, of a moment ago
    faults = profile(options["faults"]).often(options["often"])
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            result = _run(made, asked["seed"], options["hours"], faults, asked["events"])
            answer = {"seed": asked["seed"], "trace": result.trace, "violations": result.violations}
        except Exception as error:
            answer = {"seed": asked["seed"], "trace": "", "violations": [f"the bench: {error!r}"]}
        print(json.dumps(answer), flush=True)


def _run(made, seed, hours, faults, events):
    """As `soak.run`; with every event written to the file `events`, if there is to be one."""
    with (
        tempfile.TemporaryDirectory(prefix="patrola-seed-") as folder,
        open(events or os.devnull, "w", encoding="utf-8") as file,
        House(made, folder, seed=seed, profile="a7670") as house,
    ):
        if events is not None:
            house.kernel.subscribe(lambda event: _write(file, event))
        return Soak(house, seed, hours, faults).play()


def _write(file, event):
    fields = {name: len(value) if name == "data" else value for name, value in sorted(event.fields.items())}
    file.write(f"{event.t_us / 1e6:.6f} {event.source} {event.what} {fields}\n")


if __name__ == "__main__":
    _play(sys.argv[1], json.loads(sys.argv[2]))
