"""The register of cases: what is held, by which clause, and which other case shows that it can fail to
fire."""

import importlib
import pkgutil
import re
from dataclasses import dataclass, field

from hwsim.conformance.clauses import CLAUSES

_ID = re.compile(r"[A-Z]{2,6}-\d\d")
CASES = {}  # id -> Case, in the order of the files

# What the letters of an id stand for, in the order in which a reader wants them.
SUBJECTS = {
    "KEY": "Keys",
    "LAMP": "Lamps and sounds",
    "PANIC": "Alarms",
    "STATUS": "Status and events",
    "TASK": "Tasks and messages",
    "LINK": "The link",
    "SEC": "Security of the link",
    "KEYS": "Key establishment",
    "NMEA": "The receiver's sentences",
    "GNSS": "Positions",
    "CLOCK": "Time",
    "MODEM": "The modem",
    "FLASH": "Storage",
    "POWER": "Power",
    "UPD": "Updates",
    "GW": "The gateway",
}


@dataclass(frozen=True)
class Case:
    """`title` says what is held, in one sentence; `story` why or how. `against` names the case that shows
    the other side: where this one says "it fires", that one says "it does not fire"; or says, as a
    sentence, that both stand in this story. `settings` differ from the suite's own, `slip` are wrong ones
    that got in all the same; `linked`: the terminal has agreed on keys before; `lost`: why something that was
    sent may be missing at the end; `house`: the real gateway takes part; `slots`: the terminal starts by
    itself from its flash, as from a workshop, and takes releases of the bench's key."""

    id: str
    clauses: tuple
    against: str
    tell: object
    title: str
    story: str
    settings: dict = field(default_factory=dict)
    slip: dict = field(default_factory=dict)
    profile: str = "plain"
    weather: dict = field(default_factory=dict)
    units: int = 1
    linked: bool = True
    lost: str | None = None
    house: bool = False
    slots: bool = False
    seed: int = 1

    @property
    def subject(self):
        return self.id.split("-")[0]


def case(id, *clauses, against, **options):
    """Registers a function `tell(stage)`; the first paragraph of its docstring is the title."""

    def register(tell):
        if not _ID.fullmatch(id) or id.split("-")[0] not in SUBJECTS:
            raise ValueError(f"{id}: an id is a subject of this suite and two digits")
        if id in CASES:
            raise ValueError(f"{id}: twice")
        unknown = [name for name in clauses if name not in CLAUSES]
        if unknown or not clauses:
            raise ValueError(f"{id}: clause {unknown or 'missing'}")
        title, _, story = (tell.__doc__ or "").strip().partition("\n\n")
        if not title:
            raise ValueError(f"{id}: no docstring")
        CASES[id] = Case(
            id, clauses, against, tell, " ".join(title.split()), " ".join(story.split()), **options
        )
        return tell

    return register


def load():
    """All cases, by id, in the order of SUBJECTS."""
    from hwsim.conformance import cases

    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"hwsim.conformance.cases.{module.name}")
    order = list(SUBJECTS)
    return dict(sorted(CASES.items(), key=lambda row: (order.index(row[1].subject), row[0])))


def chosen(prefixes):
    """Cases whose id begins with one of these (all, when there is none); ValueError names a prefix that
    fits none."""
    every = load()
    if not prefixes:
        return every
    for prefix in prefixes:
        if not any(id.startswith(prefix.upper()) for id in every):
            raise ValueError(f"no case begins with {prefix}")
    return {id: row for id, row in every.items() if id.startswith(tuple(p.upper() for p in prefixes))}
