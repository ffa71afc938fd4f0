"""Plays cases, in this process or in several, and says what became of each."""

import resource
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from hwsim import workers
from hwsim.conformance.afterwards import Judges
from hwsim.conformance.case import load
from hwsim.conformance.failure import Failure
from hwsim.conformance.house_stage import HouseStage
from hwsim.conformance.office import Office
from hwsim.conformance.shelf import Shelf
from hwsim.conformance.stage import Stage
from hwsim.house import House
from hwsim.rig import Rig

PASSED, FAILED, BROKEN = "passed", "failed", "broken"
_LAST_LINES = 12


@dataclass
class Result:
    """`sentence` says why not. `seen`, `steps` and `levels` are the story (witness.py, stage.py)."""

    id: str
    verdict: str
    sentence: str
    cpu_s: float
    virtual_s: float
    trace: str = ""
    steps: list = field(default_factory=list)
    seen: list = field(default_factory=list)
    levels: list = field(default_factory=list)
    began_us: int = 0
    ended_us: int = 0
    console: list = field(default_factory=list)


def play(case, shelf, seed=None):
    """One case; its Result. Nothing that goes wrong in it comes out as an exception."""
    before = _cpu_s()
    seed = case.seed if seed is None else seed
    stage = ended_us = None
    verdict, sentence = PASSED, ""
    with tempfile.TemporaryDirectory(prefix="patrola-") as folder:
        try:
            rig = _rig(case, shelf, folder, seed)
        except Exception as error:
            return Result(case.id, BROKEN, f"the bench: {error}", _cpu_s() - before, 0.0)
        with rig:
            stage = (HouseStage if case.house else Stage)(rig)
            stage.folder, stage.workshop, stage.board = Path(folder), shelf.workshop, shelf.board
            judges = Judges(stage, case.lost) if shelf.terminal is None else None
            try:
                case.tell(stage)
                ended_us = rig.kernel.now_us
                if judges is not None:
                    stage.judged(judges.sentence())
            except Failure as failure:
                verdict, sentence = FAILED, str(failure)
            except Exception:
                verdict, sentence = BROKEN, traceback.format_exc(limit=-4)
                stage.say(sentence.strip().splitlines()[-1], "fails")
            finally:
                if judges is not None:
                    judges.close()
            ended_us = ended_us or rig.kernel.now_us
            trace = rig.kernel.trace
            console = [] if verdict == PASSED else rig.lines()[-_LAST_LINES:]
            stage.witness.close()
    return Result(
        case.id,
        verdict,
        sentence,
        _cpu_s() - before,
        ended_us / 1e6,
        trace,
        stage.steps,
        stage.seen,
        stage.witness.levels,
        stage.began_us,
        ended_us,
        console,
    )


def _rig(case, shelf, folder, seed):
    kit = shelf.kit(case)
    options = {"seed": seed, "weather": case.weather or None, "profile": shelf.profile(case.profile)}
    if case.house:
        return House(kit, folder, **options)
    rig = Rig(kit, folder, desk=Office, **options)
    rig.desk.adopt(kit.links)
    return rig


def _cpu_s():
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


# In a worker process.
_worker = {}


def _begin(folder, image, maker, modem):
    _worker["shelf"] = Shelf(folder, image, maker, modem)
    _worker["cases"] = load()


def _play(id, seed):
    return play(_worker["cases"][id], _worker["shelf"], seed)


def play_all(cases, jobs=1, folder=None, seed=None, told=None, image=None, maker=None, modem="simcom"):
    """Results in the order of `cases`; `told(result)` hears of each as it is done."""
    shelf = Shelf(folder, image, maker, modem)
    results = {}
    if jobs == 1 or len(cases) == 1:
        for case in cases.values():
            results[case.id] = play(case, shelf, seed)
            if told is not None:
                told(results[case.id])
        return list(results.values())
    rows, words = [(id, seed) for id in cases], (folder, shelf.image, maker, modem)
    for result in workers.as_done(jobs, _play, rows, _begin, words):
        results[result.id] = result
        if told is not None:
            told(result)
    return [results[id] for id in cases]
