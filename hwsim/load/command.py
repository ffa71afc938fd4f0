"""What `python -m hwsim load` does with its options."""

import sys
import tomllib

from hwsim.load import figures
from hwsim.load.ear import EarError
from hwsim.load.handshakes import LinkError
from hwsim.load.run import Load, enroll
from hwsim.load.stand import Stand, StandError

# After `gateway enroll` beside a running service.
_PATIENCE_S = 10.0


def measure(options, fleet):
    """The exit code."""
    ways = [bool(options.gateway), bool(options.config), options.serve]
    if sum(ways) != 1 or bool(options.gateway) != bool(options.gateway_key):
        print("one of: --serve, --config FILE, --gateway HOST:PORT with --gateway-key HEX", file=sys.stderr)
        return 2
    try:
        if options.serve:
            workers = ("--workers", str(options.workers)) if options.workers else ()
            with Stand(_settings(options.set), command=workers) as stand:
                stand.prepare()
                key = enroll(stand.config, fleet)
                stand.start()
                document = _fly(options, fleet, [stand.address], key, stand.broker)
                document["gateway"] = _of(stand, document)
        elif options.config:
            address, broker, key = _configured(options.config, fleet)
            document = _fly(options, fleet, [address], key, options.broker or broker, _PATIENCE_S)
        else:
            document = _fly(options, fleet, options.gateway, options.gateway_key, options.broker)
    except (LinkError, StandError, EarError, ValueError, OSError) as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    for line in figures.lines(document):
        print(line)
    if options.json:
        options.json.write(document)
    wrong = figures.broken(document)
    for sentence in wrong:
        print("broken: " + sentence)
    return 1 if wrong else 0


def _fly(options, fleet, gateways, key, broker, patience_s=0.0):
    load = Load(gateways, key, fleet, broker, options.prefix)
    try:
        load.link(patience_s)
        return load.fly(
            options.rate,
            options.seconds,
            urgent=options.urgent,
            batch=options.batch,
            forged=options.forged,
            warm_s=options.warm,
            drain_s=options.drain,
            seed=options.seed,
            jobs=options.jobs,
            roam=options.roam,
            repeat=not options.no_repeat,
            apart=options.apart,
        )
    finally:
        load.close()


def _of(stand, document):
    resident, most = stand.memory()
    return {"cpu_s": stand.cpu_s(), "resident_bytes": resident, "resident_most_bytes": most}


def _settings(rows):
    """{"section.key": value} of KEY=VALUE; a value is as in TOML, or a text."""
    out = {}
    for row in rows:
        name, equals, value = row.partition("=")
        if not equals or name.count(".") != 1:
            raise ValueError(f"--set {row}: section.key=value")
        try:
            out[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            out[name] = value
    return out


def _configured(path, fleet):
    """(address, broker or None, public key) of a gateway of this machine; the cars are enrolled there."""
    document = tomllib.loads(path.read_text("utf-8"))
    listen, broker = document.get("listen", {}), document.get("broker", {})
    host, port = listen.get("host", "0.0.0.0"), listen.get("port", 5683)  # noqa: S104
    address = ("127.0.0.1" if host == "0.0.0.0" else host, port)  # noqa: S104
    there = (broker.get("host", "127.0.0.1"), broker.get("port", 1883))
    return address, there if there[0] else None, enroll(path, fleet)
