"""Three directorates, and who of them may see and say what: written down here as a table and not read from
the generator of access lists."""

from tests.gateway.bench import call_cli, config_text, enroll
from tests.gateway.terminal import Terminal

UNITS = {"vranje": "ps-vranje/vr-101", "leskovac": "ps-leskovac/le-7", "uzice": "tp-uzice/uz-3"}
OTHER = "vranje/traffic-vranje/vr-9"
LABELS = ("frame", "position", "status", "panic", "health", "presence", "command/result")
ALL = set(LABELS)
# Vranje and Leskovac share positions, Vranje and Uzice alarms only, Leskovac and Uzice nothing.
SEES = {
    "operations-centre": {"vranje": ALL, "leskovac": ALL, "uzice": ALL},
    "vranje": {"vranje": ALL, "leskovac": {"panic", "position"}, "uzice": {"panic"}},
    "leskovac": {"vranje": {"panic", "position"}, "leskovac": ALL, "uzice": set()},
    "uzice": {"vranje": {"panic"}, "leskovac": set(), "uzice": ALL},
    "desk-ps-vranje": {"vranje": ALL, "leskovac": {"panic", "position"}, "uzice": {"panic"}},
    "stranger": {"vranje": set(), "leskovac": set(), "uzice": set()},
}
COMMANDS = {
    "operations-centre": {"vranje", "leskovac", "uzice"},
    "vranje": {"vranje"},
    "leskovac": {"leskovac"},
    "uzice": {"uzice"},
    "desk-ps-vranje": {"vranje"},
    "stranger": set(),
}
ACCOUNTS = ["gateway", *SEES]


def password(name):
    return f"secret-of-{name}"


def directorates(folder):
    """Makes it a gateway's folder with the registry of three directorates."""
    (folder / "gateway.toml").write_text(config_text())
    for directorate, rest in UNITS.items():
        station, unit = rest.split("/")
        enroll(folder, Terminal(), unit, station, directorate, context=False)
    enroll(folder, Terminal(), "vr-9", "traffic-vranje", "vranje", context=False)
    call_cli(folder, "neighbours", "vranje", "leskovac", "--positions")
    call_cli(folder, "neighbours", "vranje", "uzice")
    call_cli(folder, "operator", "desk-ps-vranje", "--area", "vranje/ps-vranje")
    return folder
