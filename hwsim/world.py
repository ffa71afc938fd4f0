"""Where the patrols of a demonstration drive: real places in Serbia, roads as polylines, and how fast.

The first three cars belong to three directorates, as in the first phase of the real system; further ones
circle the towns that joined later. Everything here is data and arithmetic; nothing reads a clock.
"""

import math
from dataclasses import dataclass

from hwsim.roads import Route, Track


@dataclass(frozen=True)
class Unit:
    """One patrol car, as the registry knows it: names for people, slugs for topics."""

    directorate: str
    directorate_name: str
    station: str
    station_name: str
    unit: str
    call_sign: str
    vehicle: str
    route: str


ROUTES = {
    # Through the town to the A3 and along it to the border crossing.
    "sremska-mitrovica": Route(
        "Sremska Mitrovica - Batrovci (A3)",
        (
            (44.9700, 19.6100, 40, 0),
            (44.9742, 19.6122, 50, 0),
            (44.9795, 19.6147, 50, 6),
            (44.9862, 19.6180, 60, 0),
            (44.9960, 19.6222, 80, 0),
            (45.0062, 19.6263, 60, 0),
            (45.0098, 19.6205, 60, 0),
            (45.0121, 19.6060, 115, 0),
            (45.0142, 19.5700, 120, 0),
            (45.0172, 19.5200, 120, 0),
            (45.0232, 19.4600, 120, 0),
            (45.0312, 19.4050, 120, 0),
            (45.0390, 19.3400, 120, 0),
            (45.0458, 19.2600, 120, 0),
            (45.0490, 19.1900, 100, 0),
            (45.0500, 19.1300, 60, 0),
            (45.0496, 19.1100, 30, 120),
        ),
        84,
    ),
    # From the crossing along the border villages to Šid.
    "batrovci": Route(
        "Batrovci - Vašica - Šid",
        (
            (45.0490, 19.1075, 40, 0),
            (45.0466, 19.1130, 50, 0),
            (45.0494, 19.1210, 70, 0),
            (45.0600, 19.1385, 80, 0),
            (45.0720, 19.1590, 80, 0),
            (45.0826, 19.1762, 50, 8),
            (45.0912, 19.1880, 80, 0),
            (45.1040, 19.2015, 80, 0),
            (45.1170, 19.2155, 60, 0),
            (45.1262, 19.2262, 40, 90),
        ),
        82,
    ),
    # Down the valley of the Južna Morava.
    "vranje": Route(
        "Vranje - Bujanovac",
        (
            (42.5510, 21.9000, 40, 0),
            (42.5478, 21.8958, 50, 5),
            (42.5436, 21.8902, 50, 0),
            (42.5372, 21.8822, 60, 0),
            (42.5290, 21.8740, 80, 0),
            (42.5192, 21.8652, 80, 0),
            (42.5066, 21.8480, 80, 0),
            (42.4930, 21.8252, 80, 0),
            (42.4790, 21.7990, 80, 0),
            (42.4690, 21.7786, 60, 0),
            (42.4622, 21.7672, 40, 60),
        ),
        430,
    ),
    # Narrow roads south of Bujanovac, towards the border with North Macedonia.
    "rujan": Route(
        "Bujanovac - Rujan",
        (
            (42.4622, 21.7672, 40, 0),
            (42.4520, 21.7708, 60, 0),
            (42.4400, 21.7752, 60, 0),
            (42.4262, 21.7800, 60, 0),
            (42.4120, 21.7846, 50, 4),
            (42.3990, 21.7880, 50, 0),
            (42.3868, 21.7916, 50, 0),
            (42.3780, 21.7944, 30, 120),
        ),
        420,
    ),
}

_FIRST = (
    Unit(
        "sremska-mitrovica",
        "Sremska Mitrovica",
        "traffic-sremska-mitrovica",
        "Traffic Police Station Sremska Mitrovica",
        "sm-21",
        "SM-21",
        "Škoda Octavia, SM-021-PT",
        "sremska-mitrovica",
    ),
    Unit(
        "border-police",
        "Border Police Administration",
        "batrovci",
        "Border Police Station Batrovci",
        "ba-07",
        "BA-07",
        "Dacia Duster, BG-107-GP",
        "batrovci",
    ),
    Unit(
        "vranje",
        "Vranje",
        "police-vranje",
        "Police Station Vranje",
        "vr-12",
        "VR-12",
        "Škoda Rapid, VR-012-PS",
        "vranje",
    ),
    Unit(
        "border-police",
        "Border Police Administration",
        "rujan",
        "Border Police Station Rujan",
        "ru-03",
        "RU-03",
        "Lada Niva, VR-103-GP",
        "rujan",
    ),
)
# The directorates that joined by 2022 and later: slug, name, prefix of call signs, latitude, longitude,
# altitude.
_TOWNS = (
    ("leskovac", "Leskovac", "LE", 42.998, 21.946, 228),
    ("novi-pazar", "Novi Pazar", "NP", 43.137, 20.512, 496),
    ("kragujevac", "Kragujevac", "KG", 44.014, 20.912, 180),
    ("jagodina", "Jagodina", "JA", 43.977, 21.261, 116),
    ("uzice", "Užice", "UE", 43.858, 19.848, 411),
    ("sabac", "Šabac", "SA", 44.754, 19.694, 80),
    ("pancevo", "Pančevo", "PA", 44.871, 20.640, 77),
    ("smederevo", "Smederevo", "SD", 44.664, 20.927, 72),
    ("zrenjanin", "Zrenjanin", "ZR", 45.383, 20.389, 80),
    ("kikinda", "Kikinda", "KI", 45.829, 20.465, 83),
    ("zajecar", "Zaječar", "ZA", 43.904, 22.285, 137),
    ("bor", "Bor", "BO", 44.075, 22.095, 378),
)


def units(count):
    """The first `count` cars of the demonstration; any number, no two with one name."""
    cars = list(_FIRST[:count])
    for index in range(len(cars), count):
        slug, name, prefix, *_ = _TOWNS[(index - len(_FIRST)) % len(_TOWNS)]
        number = 1 + (index - len(_FIRST)) // len(_TOWNS)
        cars.append(
            Unit(
                slug,
                name,
                "police-" + slug,
                "Police Station " + name,
                f"{prefix.lower()}-{number:02d}",
                f"{prefix}-{number:02d}",
                f"Škoda Octavia, {prefix}-{100 + number}-PS",
                slug,
            )
        )
    return cars


def track_of(unit, index=0):
    """The track one car drives; cars of the same town start apart from each other."""
    route = ROUTES.get(unit.route) or _circuit(unit.route)
    return Track(route, start_m=(index // (len(_FIRST) + len(_TOWNS))) * 700.0)


def _circuit(slug):
    """A way around a town: out one street, along a bent ring, back by another."""
    name, lat, lon, alt = next((n, la, lo, al) for s, n, _, la, lo, al in _TOWNS if s == slug)
    turn = sum(slug.encode()) % 360
    points = [(lat, lon, 40, 4)]
    for step, (angle, km) in enumerate(
        ((0, 0.7), (12, 1.5), (55, 1.9), (98, 1.6), (140, 2.1), (178, 1.7), (186, 0.8))
    ):
        bearing = math.radians(angle + turn)
        north, east = km * math.cos(bearing), km * math.sin(bearing)
        points.append(
            (
                lat + north / 111.2,
                lon + east / (111.2 * math.cos(math.radians(lat))),
                60 if 1 <= step <= 5 else 50,
                5 if step == 3 else 0,
            )
        )
    points.append(points[0])
    return Route("Around " + name, tuple(points), alt, loop=True)
