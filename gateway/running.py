"""Command line of those who keep the service running: its part of the parser."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway import acl, backup, inspection, operators, sealing

Add = Callable[[str, str, str, Callable[..., Any]], argparse.ArgumentParser]


def add_commands(add: Add, doctor: Callable[..., Any]) -> None:
    """`add(name, help, example, handler)` makes one."""
    add(
        "doctor",
        "check configuration, journal, keys, disk, clock, ports and broker, and say what to do",
        "doctor --config /etc/patrola/gateway.toml",
        doctor,
    )

    part = add(
        "backup",
        "copy the journal to a file while the service runs; no secret of a link is in the copy",
        "backup /var/backups/patrola-$(date +%F).sqlite",
        backup.backup,
    )
    part.add_argument("file", type=Path, metavar="FILE", help="the copy; it must not be there yet")

    part = add(
        "restore",
        "put a copy of the journal back into service; the service must not run",
        "restore /var/backups/patrola-2027-01-31.sqlite --replace",
        backup.restore,
    )
    part.add_argument("file", type=Path, metavar="FILE", nargs="?", help="what `gateway backup` has made")
    part.add_argument(
        "--replace", action="store_true", help="put the journal that is there away, under another name"
    )
    part.add_argument(
        "--in-place",
        action="store_true",
        help="the journal was put back by other means (a snapshot of the disk, pg_restore): make it "
        "fit to serve",
    )

    part = add(
        "secrets",
        "show, seal and change how the secrets of links lie in the journal",
        "secrets --create\n  python -m gateway secrets --encrypt\n  python -m gateway secrets --rotate",
        sealing.secrets_command,
    )
    what = part.add_mutually_exclusive_group()
    what.add_argument(
        "--create", action="store_true", help="make the key file that security.secrets_key_file names"
    )
    what.add_argument(
        "--encrypt", action="store_true", help="seal every secret under the first key, also old ones"
    )
    what.add_argument(
        "--rotate", action="store_true", help="make a new key, seal everything under it, forget the old one"
    )

    part = add(
        "audit",
        "show who asked for what, and what became of it",
        "audit --actor duty-officer --from 1200 --json",
        inspection.audit,
    )
    part.add_argument("--from", type=int, default=0, dest="start", metavar="ID", help="first row")
    part.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50)")
    part.add_argument("--actor", metavar="NAME", help="only what this operator, or account, asked for")
    part.add_argument("--target", metavar="UNIT", help="only what concerns this unit, station or directorate")

    part = add(
        "operator",
        "show, add, change or revoke who may give orders or enroll terminals, and where",
        "operator duty-officer-vranje --area vranje --make-key duty-officer.pem\n"
        '  python -m gateway operator operations-centre --area "*"\n'
        "  python -m gateway operator workshop --role technician --area vranje --make-key workshop.pem\n"
        "  python -m gateway operator duty-officer-vranje --revoke",
        operators.operator,
    )
    part.add_argument(
        "name", nargs="?", metavar="NAME", help="also the account at the broker; none shows all"
    )
    part.add_argument(
        "--area",
        action="append",
        metavar="AREA",
        help='a directorate, directorate/station, or "*" for everywhere; may be given several times',
    )
    part.add_argument(
        "--role",
        choices=("operator", "technician"),
        help="an operator gives orders to cars, a technician enrolls terminals by his signature (operator)",
    )
    part.add_argument("--public-key", metavar="HEX|FILE", help="X and Y, 128 hex digits, or a PEM file")
    part.add_argument(
        "--make-key", type=Path, metavar="FILE", help="make a key pair; the private key goes there"
    )
    part.add_argument("--revoke", action="store_true", help="from now on nothing is taken from this one")

    part = add(
        "neighbours",
        "show or change which directorates see each other's alarms, and positions",
        "neighbours vranje leskovac --positions",
        operators.neighbours,
    )
    part.add_argument("directorates", nargs="*", metavar="DIRECTORATE", help="two of them; none shows all")
    part.add_argument("--positions", action="store_true", help="positions as well as alarms")
    part.add_argument("--remove", action="store_true", help="they are neighbours no longer")

    part = add(
        "acl",
        "write the broker's access list out of the registry",
        "acl --broker mosquitto --output /etc/mosquitto/patrola.acl",
        acl.show,
    )
    part.add_argument("--broker", required=True, choices=sorted(acl.WRITERS), help="whose words")
    part.add_argument("--output", type=Path, metavar="FILE", help="where to; without it on standard output")
