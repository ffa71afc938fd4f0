"""Where the patrols of a demonstration drive: real places in Serbia, roads as polylines, and how fast.

The first three cars belong to three directorates, as in the first phase of the real system; further ones
circle the towns that joined later. Everything here is data and arithmetic; nothing reads a clock.
"""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

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


def _routes():
    rows = tomllib.loads(Path(__file__).with_name("routes.toml").read_text("utf-8"))
    return {key: Route(**{**row, "points": tuple(map(tuple, row["points"]))}) for key, row in rows.items()}


ROUTES = _routes()

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
