"""What `gateway doctor` looks at, each by itself."""

import ctypes
import errno
import ipaddress
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from gateway import key, vault
from gateway.administration import opened
from gateway.asking import ask
from gateway.config import Config
from gateway.doctor import Examination, Finding, fail, ok, warn
from gateway.journal.base import JournalError
from gateway.journal.records import StoredContext
from gateway.store import check as check_store
from gateway.store import serving

# A frame takes some 300 bytes in the journal: this is a day of a few thousand cars.
_LITTLE_ROOM = 2 << 30
_NO_ROOM = 64 << 20
# Before this gateway was written: the clock was never set.
_EARLIEST_S = 1_767_225_600
# Linux' adjtimex(2): the clock is not kept right by anybody.
_TIME_ERROR = 5


def files(config: Config) -> Iterator[Finding]:
    """Keys, passwords and the journal are for the service's account alone."""
    secret = {
        "journal": None if config.database else config.journal_path,
        "gateway's key": config.key_path,
        "key of the secrets": _named(config, "security.secrets_key_file"),
        "broker password": _named(config, "broker.password_file"),
        "broker client key": _named(config, "broker.key_file"),
        "technicians' port's key": _named(config, "enrolment.key_file"),
    }
    for what, path in secret.items():
        if path is None or not path.exists():
            continue
        info = path.stat()
        if stat.S_IMODE(info.st_mode) & 0o077:
            mode = oct(stat.S_IMODE(info.st_mode))[2:]
            yield fail(
                what, f"{path} has mode {mode}: others of this machine can read it", f"chmod 600 {path}"
            )
        elif not os.access(path, os.R_OK):
            owner = f"uid {info.st_uid}"
            yield fail(what, f"{path} belongs to {owner}, not to us", "run this as the service's account")
        else:
            yield ok(what, f"{path}, for its owner only")


def _named(config: Config, name: str) -> Path | None:
    return Path(config.text(name)) if config.text(name) else None


def database(config: Config) -> Iterator[Finding]:
    """Is the journal whole, does it take a write, what waits in it."""
    yield from check_store(config)
    try:
        with opened(config, write=False) as tx:
            depths, given = tx.depths(), tx.gateway_key()
            contexts = [c for c in tx.contexts() if c.secret]
    except JournalError:
        return
    number = depths.get("terminals_enrolled", 0)
    if number:
        yield ok("registry", f"{number} terminal{'s' if number > 1 else ''} may speak")
    else:
        do = "enroll the first one: `python -m gateway enroll --help`"
        yield warn("registry", "no terminal is enrolled", do)
    waiting = depths["panics_unacknowledged"]
    if waiting:
        do = "is anybody at the operations centre? `python -m gateway journal --kind panic` shows them"
        yield warn("alarms", f"{waiting} not acknowledged", do)
    if depths["conflicts"]:
        do = "a terminal has lost its counters: docs/operator.md, conflicts"
        yield warn("frames", f"{depths['conflicts']} frames are in conflict", do)
    if depths["lost"]:
        yield warn(
            "cars", f"{depths['lost']} on duty are silent", "call them by radio; `presence` has their names"
        )
    yield from _own_key(config, given)
    yield from _secrets(config, contexts)


def _own_key(config: Config, given: bytes | None) -> Iterator[Finding]:
    try:
        own = key.read(config.key_path)
    except key.KeyFileError as error:
        yield fail("gateway's key", str(error), "no terminal can make a new link until this is mended")
        return
    if own is None and given is None:
        yield ok("gateway's key", f"{config.key_path} is made at the first start")
    elif own is None:
        yield fail("gateway's key", f"{config.key_path} is missing", "bring it back from its copy, today")
    elif given is not None and own.public != given:
        do = "bring the right one back from its copy, today"
        yield fail("gateway's key", f"{config.key_path} is not the key that terminals were given", do)
    else:
        yield ok("gateway's key", f"{own.kid.hex()}. Is there a copy of it elsewhere?")


def _secrets(config: Config, contexts: list[StoredContext]) -> Iterator[Finding]:
    try:
        box = vault.vault(config.text("security.secrets_key_file"))
    except key.KeyFileError as error:
        yield fail("key of the secrets", str(error), "without it the service does not start")
        return
    names = {one.name for one in box.keys}
    locked = [c for c in contexts if vault.sealed(c.secret) and vault.sealed_under(c.secret) not in names]
    plain = [c for c in contexts if not vault.sealed(c.secret)]
    if locked:
        do = "bring the key back; or do nothing: their terminals make new links within seconds"
        yield fail("secrets", f"{len(locked)} are sealed under a key that is not given", do)
    elif not box:
        do = "set security.secrets_key_file, then `python -m gateway secrets --create`: docs/operator.md"
        yield warn("secrets", "the secrets of links lie in the journal as they are", do)
    elif plain:
        yield warn("secrets", f"{len(plain)} are not sealed yet", "python -m gateway secrets --encrypt")
    else:
        yield ok("secrets", f"sealed under key {box.keys[0].name.hex()}")


def disk(config: Config) -> Iterator[Finding]:
    if config.database:
        return
    folder = config.journal_path.parent
    free = shutil.disk_usage(folder).free
    said = f"{free / (1 << 30):.1f} GB free at {folder}"
    if free < _NO_ROOM:
        yield fail("disk", said, "make room now: when it is full terminals are told to come back")
    elif free < _LITTLE_ROOM:
        yield warn("disk", said, "make room soon, or let old frames go: [retention]")
    else:
        yield ok("disk", said)


def clock(config: Config) -> Iterator[Finding]:
    now_s = time.time()
    if now_s < _EARLIEST_S:
        said = f"it says {time.strftime('%Y-%m-%d %H:%M', time.gmtime(now_s))} UTC: it was never set"
        yield fail("clock", said, "set it: terminals without a fix take their time from here")
        return
    kept = _synchronised()
    said = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if kept is None:
        yield ok("clock", f"{said}; this system does not say whether it is kept right")
    elif kept:
        yield ok("clock", f"{said}, kept right")
    else:
        do = "run chrony or systemd-timesyncd; `timedatectl` shows whether it works"
        yield warn("clock", f"{said}, but nobody keeps it right", do)


def _synchronised() -> bool | None:
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    # struct timex, all zero: modes = 0 asks and changes nothing.
    state: int = adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else state != _TIME_ERROR


def ports(config: Config) -> Iterator[Finding]:
    """A port that is taken is right when our own service has it."""
    running = None
    with suppress(JournalError):  # said of the journal already
        running = serving(config, own=True)
    if running:
        yield ok("service", "it is running")
    host, port = config.text("listen.host"), config.whole("listen.port")
    yield _port("terminals' port", "UDP", host, port, running, "listen")
    if config.text("metrics.host"):
        host, port = config.text("metrics.host"), config.whole("metrics.port")
        yield _port("metrics' port", "TCP", host, port, running, "metrics")
        if not _loopback(host):
            do = 'set metrics.host = "127.0.0.1", or let a firewall guard it: it tells much'
            yield warn("metrics' port", f"{host}:{port} can be reached from elsewhere", do)
    else:
        do = 'set metrics.host = "127.0.0.1": nobody sees otherwise how the service does'
        yield warn("metrics' port", "there are no metrics and no health checks", do)
    if config.text("enrolment.host"):
        host, port = config.text("enrolment.host"), config.whole("enrolment.port")
        yield _port("technicians' port", "TCP", host, port, running, "enrolment")
    yield from _buffer(config)


def _port(what: str, kind: str, host: str, port: int, running: bool | None, section: str) -> Finding:
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return fail(what, f"{host}: {error.strerror}", f"{section}.host must be an address of this machine")
    family = places[0][0]
    with closing(socket.socket(family, socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM)) as probe:
        if kind == "TCP":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(places[0][4])
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if taken and running:
                return ok(what, f"{kind} {host}:{port}, the running service has it")
            if taken and running is None:
                do = "by this service? Look again when the journal is there"
                return warn(what, f"{kind} {host}:{port} is in use", do)
            do = (
                f"stop whoever has it (ss -{'u' if kind == 'UDP' else 't'}lpn shows), or choose another"
                if taken
                else f"{section}.host must be an address of this machine; below 1024 a right is needed"
            )
            return fail(what, f"{kind} {host}:{port}: {error.strerror}", do)
    if running and port:
        do = "the running service has another configuration: SIGHUP says what needs a new start"
        return warn(what, f"{kind} {host}:{port} is free although the service runs", do)
    return ok(what, f"{kind} {host}:{port} is free")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _buffer(config: Config) -> Iterator[Finding]:
    try:
        limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    except (OSError, ValueError):
        return
    wanted = config.whole("listen.receive_buffer")
    if limit < wanted:
        do = f"sysctl -w net.core.rmem_max={wanted}, and in /etc/sysctl.d/ for ever"
        yield warn("receive buffer", f"the system allows {limit} bytes of {wanted}: bursts are cut", do)


def broker(config: Config) -> Iterator[Finding]:
    """Each node is connected to, as the service would."""
    nodes = config.brokers()
    if not nodes:
        yield warn("broker", "none is named: frames wait in the journal", "set broker.host")
    for host, port in nodes:
        trouble = ask(config, host, port)
        if trouble:
            do = "is it up, is the way there open, are broker.username, password and certificates right?"
            yield fail("broker", f"{host}:{port}: {trouble}", do)
        else:
            yield ok("broker", f"{host}:{port} takes us")
    if nodes and not config.flag("broker.tls") and not all(_loopback(host) for host, _ in nodes):
        yield warn("broker", "positions travel there in the open", "set broker.tls = true")


ALL: list[Examination] = [files, database, disk, clock, ports, broker]
