"""What was seen of a run: plain facts, from witnesses that each saw one side of it. The rules read this and
nothing else; a test makes one up."""

from dataclasses import dataclass, field

from hwsim.checks.nonces import Book

FOREVER = float("inf")

# Stages of an alarm, PROTOCOL.md.
STORED, ACCEPTED, ACKNOWLEDGED, SHOWN, CLEARED = 3, 4, 5, 6, 7


@dataclass
class Life:
    """One start of a terminal, until it lost power, was reset, or its program ended."""

    started_us: int
    cause: str = "power"
    ready_us: float = FOREVER  # its lamp was lit: from then on keys count
    ended_us: float = FOREVER
    end: str = ""  # "power", "died", "watchdog", "reset"

    def covers(self, from_us, to_us):
        return self.ready_us <= from_us and to_us <= self.ended_us


@dataclass
class Press:
    key: str
    down_us: int
    up_us: float = FOREVER

    @property
    def held_us(self):
        return self.up_us - self.down_us


@dataclass
class Light:
    """The red lamp lit without a break."""

    from_us: int
    to_us: float = FOREVER

    def length_us(self, now_us):
        return min(self.to_us, now_us) - self.from_us


@dataclass
class Fact:
    """Headquarters told a terminal, authentically, that its alarm `panic` has reached `stage`. `arrived`: the
    datagram was not lost on the way."""

    at_us: int
    panic: int
    stage: int
    arrived: bool = True


@dataclass
class Receipt:
    """A 2.04 for frames. `missing`: those of them that were not committed at that moment."""

    at_us: int
    names: tuple
    missing: tuple = ()
    arrived: bool = True


@dataclass
class Wear:
    """Of a terminal's flash: programs and erases of the journal's part and of the rest, where its files lie;
    bits that a program wanted to set; of the slots for images of the program, and how many were begun; how
    many blocks of the root of its files are worn."""

    programs: int = 0
    erases: int = 0
    file_programs: int = 0
    file_erases: int = 0
    set_again: int = 0
    image_programs: int = 0
    image_erases: int = 0
    images: int = 0
    root_worn: int = 0


@dataclass
class Car:
    """One terminal."""

    name: str
    kid: str
    settings: dict = field(default_factory=dict)
    lives: list = field(default_factory=list)
    presses: list = field(default_factory=list)
    lights: list = field(default_factory=list)  # of the red lamp
    sounds: list = field(default_factory=list)  # Light, of the buzzer
    green: list = field(default_factory=list)  # Light, while a pattern of both lamps has to be told apart
    frames: dict = field(default_factory=dict)  # name -> (microseconds when first on the air, Frame)
    facts: list = field(default_factory=list)
    receipts: list = field(default_factory=list)
    naked: list = field(default_factory=list)  # (microseconds, text): sent without protection
    sealed: int = 0  # requests under different Partial IVs
    handshakes: list = field(default_factory=list)  # (life's number, G_X)
    wear: Wear = field(default_factory=Wear)
    withdrawn: bool = False  # revoked or suspended at the end: nothing more is owed


@dataclass
class Row:
    """A frame that headquarters holds, in the order of its rows."""

    number: int
    name: tuple
    digest: bytes | None
    kind: int
    panic: int | None
    seen_us: int  # when it was first seen committed
    relayed: bool = True


@dataclass
class Told:
    """A message that the broker took. `committed`: the frame it speaks of was in the store by then."""

    at_us: int
    topic: str
    name: tuple | None
    digest: bytes | None = None
    committed: bool = True
    stage: str | None = None
    panic: int | None = None
    reminder: bool = False


@dataclass
class Fault:
    at_us: int
    what: str
    car: str | None = None
    hangs: str = ""  # of a hang: the "program", or one supervised "task"; the watchdog has to bite


@dataclass
class Recording:
    now_us: int = 0
    cars: dict = field(default_factory=dict)  # name -> Car
    nonces: Book = field(default_factory=Book)
    renamed: list = field(default_factory=list)  # (microseconds, name, where): one name, other bytes
    forged: list = field(default_factory=list)  # (microseconds, name): does not verify
    rows: dict = field(default_factory=dict)  # name -> Row: everything ever seen committed
    kept: set | None = None  # names that are in the store at the end; None: it was not looked at
    conflicts: list = field(default_factory=list)  # names that headquarters put aside
    told: list = field(default_factory=list)
    centre: list = field(default_factory=list)  # (microseconds, what, kid, panic)
    alarms: dict = field(default_factory=dict)  # (kid, panic) -> stages in headquarters' own table
    faults: list = field(default_factory=list)
    amplified: list = field(default_factory=list)  # (microseconds, car, sizes)
    has_broker: bool = False

    def faults_near(self, kinds, from_us, to_us, car=None):
        """The faults of those kinds in that time, of this car or of everybody."""
        return [
            fault
            for fault in self.faults
            if fault.what in kinds and from_us <= fault.at_us <= to_us and fault.car in (None, car)
        ]

    def car_of(self, kid):
        for car in self.cars.values():
            if car.kid == kid:
                return car
        return None
