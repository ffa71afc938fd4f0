"""The command line. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway import __version__, administration, doctor, enrolment_file, inspection, requests, rollouts
from gateway.config import Config, ConfigError, load
from gateway.datagram import ListenError
from gateway.journal.base import JournalError
from gateway.key import KeyFileError
from gateway.log import Log
from gateway.running import add_commands
from gateway.service import serve
from gateway.workers import Workers, WorkersError, configured

Result = tuple[int, dict[str, Any], str]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="Patrola gateway: takes signed frames from terminals, keeps and relays them.",
        epilog="Each command has its own --help with an example. Exit codes: 0 done, 1 refused or failed, "
        "2 wrong usage or configuration.",
    )
    parser.add_argument("--version", action="version", version=f"patrola gateway {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, help_text: str, example: str, handler: Callable[..., Any]) -> argparse.ArgumentParser:
        part = commands.add_parser(
            name,
            help=help_text,
            description=help_text[0].upper() + help_text[1:] + ".",
            epilog=f"example:\n  python -m gateway {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        part.add_argument(
            "--config", type=Path, default=Path("gateway.toml"), help="default: gateway.toml here"
        )
        part.set_defaults(handler=handler)
        if name != "serve":
            part.add_argument("--json", action="store_true", help="print one JSON object")
        return part

    part = add("serve", "run the service", "serve --config gateway.toml", _serve)
    part.add_argument(
        "--ready-fd", type=int, metavar="N", help="write a JSON line here when datagrams are taken"
    )
    part.add_argument(
        "--workers", type=int, default=1, metavar="N", help="so many processes on the one port (1)"
    )
    for name in ("--worker", "--leash-fd", "--pulse-fd", "--port"):  # what the parent of several says to each
        part.add_argument(name, type=int, help=argparse.SUPPRESS)

    part = add(
        "enroll",
        "take a terminal into the registry, and show the gateway's public key for it",
        "enroll --public-key 60fed4... --directorate vranje --station ps-vranje --unit vr-101 \\\n"
        '      --vehicle "Škoda Octavia, VR-101-PT" --call-sign "Vranje 101" --json',
        enrolment_file.enroll,
    )
    part.add_argument("--public-key", metavar="HEX", help="X and Y, 128 hex digits, from the terminal")
    for name in ("directorate", "station", "unit"):
        part.add_argument(f"--{name}", metavar="SLUG", help="a-z 0-9 _ -, part of the topic")
    part.add_argument("--vehicle", metavar="TEXT", help="make and plate, shown to operators")
    part.add_argument("--call-sign", metavar="TEXT", help="as on the radio; default: the unit")
    part.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help="many terminals, all or none: JSON objects, one a line, with public_key, directorate, station, "
        "unit, vehicle and, if it differs from the unit, call_sign; or documents signed by a technician, "
        "each for itself, as `./flash.py provision --offline` writes them",
    )

    part = add(
        "key",
        "show the gateway's public key, which every terminal is given",
        "key --json",
        administration.gateway_key,
    )
    part.add_argument(
        "--replace",
        action="store_true",
        help="make a new one because the file was lost for good: every terminal has to be provisioned again, "
        "and a running service to be started again",
    )

    part = add("suspend", "refuse a terminal for now", "suspend 0f1e2d3c4b5a6978", administration.suspend)
    part.add_argument("terminal", metavar="KID|UNIT", help="16 hex digits, or directorate/station/unit")
    part.add_argument("--lift", action="store_true", help="let it speak again")

    part = add("revoke", "refuse a terminal for ever", "revoke 0f1e2d3c4b5a6978", administration.revoke)
    part.add_argument("terminal", metavar="KID|UNIT", help="16 hex digits, or directorate/station/unit")

    part = add("list", "show the registry", "list --state enrolled --json", administration.show)
    part.add_argument("--state", choices=("enrolled", "suspended", "revoked"), help="only these")

    part = add(
        "journal", "show stored frames", "journal --from 1200 --limit 20 --kind panic", inspection.journal
    )
    part.add_argument(
        "--from", type=int, default=0, dest="start", metavar="ID", help="first journal position"
    )
    part.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50)")
    part.add_argument("--terminal", metavar="KID|UNIT", help="16 hex digits, or directorate/station/unit")
    part.add_argument("--kind", choices=sorted(inspection.KIND_NUMBERS), help="only frames of this kind")
    part.add_argument("--unrelayed", action="store_true", help="only what the broker has not confirmed")
    part.add_argument("--count", action="store_true", help="only the numbers")

    part = add(
        "verify",
        "check a frame with the terminal's public key alone",
        "verify --frame captured.cose --public-key 60fed4...",
        inspection.verify,
    )
    source = part.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--frame", metavar="FILE|HEX|-", help="the COSE bytes as a file, as hex, or from standard input"
    )
    source.add_argument("--id", type=int, metavar="ID", help="a frame of the journal")
    part.add_argument(
        "--public-key", metavar="HEX", help="128 hex digits; without it the registry's is taken"
    )

    part = add(
        "send",
        "send a command to a terminal",
        'send vranje/ps-vranje/vr-101 message --text "Call the station"\n'
        "  python -m gateway send vranje/ps-vranje/vr-101 acknowledge --panic 65537 --operator desk-1\n"
        "  python -m gateway send vranje update --release 0.2.0 --share 10%",
        _send,
    )
    part.add_argument(
        "terminal",
        metavar="KID|UNIT",
        help="16 hex digits, or directorate/station/unit; for an update also directorate/station, a "
        'directorate, or "*" for all',
    )
    part.add_argument(
        "name",
        choices=(*requests.NAMES, "update"),
        help="message needs --text; task --task and --text; acknowledge and clear need --panic; update needs "
        "--release; renew (make a new security context) needs nothing",
    )
    part.add_argument("--text", default="", help="at most 400 bytes of UTF-8")
    part.add_argument("--task", type=int, metavar="ID", help="your number of the task; answers carry it")
    part.add_argument("--panic", type=int, metavar="ID", help="the alarm, as `journal --kind panic` shows it")
    part.add_argument("--lat", type=float, metavar="DEGREES", help="place of the task, with --lon")
    part.add_argument("--lon", type=float, metavar="DEGREES", help="place of the task, with --lat")
    part.add_argument("--operator", default="", metavar="TEXT", help="who asks; kept in the record")
    part.add_argument("--expires-s", type=int, metavar="N", help="no longer delivered after so many seconds")
    rollouts.add_commands(add, part)
    add_commands(add, doctor.show)
    return parser


def _send(config: Config, options: argparse.Namespace) -> Result:
    return (rollouts.send if options.name == "update" else administration.send)(config, options)


def _serve(config: Config, options: argparse.Namespace) -> Result:
    log = Log(config.text("log.level"))
    if options.ready_fd is not None:
        try:
            os.fstat(options.ready_fd)
        except (OSError, OverflowError):
            raise ConfigError(f"--ready-fd {options.ready_fd}: no open file descriptor") from None

    def ready(address: tuple[str, int]) -> None:
        if options.ready_fd is None:
            return
        line = json.dumps({"event": "gateway.ready", "udp": list(address), "pid": os.getpid()}) + "\n"
        os.write(options.ready_fd, line.encode())
        os.close(options.ready_fd)

    if not 1 <= options.workers <= 64:
        raise ConfigError("--workers: 1 to 64")
    if options.workers > 1:
        try:
            return asyncio.run(Workers(config, log, options.workers, ready).run()), {}, ""
        except WorkersError as error:
            return 1, {}, str(error)
    shared = options.worker is not None
    if shared:
        config = configured(config, options.worker, options.port)
    try:
        fds = options.leash_fd, options.pulse_fd
        asyncio.run(serve(config, log, ready, options.worker or 0, shared, *fds))
    except ListenError as error:
        raise ConfigError(f"{config.source}: {error.keys}: {error}. What to do: {error.do}.") from error
    return 0, {}, ""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; what it prints is for people, or one JSON object with --json."""
    options = _parser().parse_args(arguments)
    as_json = getattr(options, "json", False)
    try:
        code, body, text = options.handler(_config(options), options)
    except ConfigError as error:
        return _fail(2, str(error), as_json)
    except (JournalError, KeyFileError, ValueError) as error:
        return _fail(1, str(error), as_json)
    except OverflowError:
        return _fail(1, "one of the numbers is larger than any the journal keeps", as_json)
    said = json.dumps(body, ensure_ascii=False) if as_json else text
    try:
        if said:
            print(said)
        sys.stdout.flush()
    except OSError as error:
        # What Python has kept of it would be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print(f"gateway: standard output: {error.strerror}", file=sys.stderr)
        return 1
    return int(code)


def _config(options: argparse.Namespace) -> Config | None:
    if options.command == "verify" and options.public_key and options.frame:
        return None  # a public key and a frame are enough, on any machine
    if options.command == "doctor":
        return None  # a wrong configuration is one of its findings
    return load(options.config)


def _fail(code: int, message: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": message}, ensure_ascii=False))
    print(f"gateway: {message}", file=sys.stderr)
    return code
