"""`python -m hwsim load`."""

import argparse

from hwsim.cli import output, types

NAME = "load"
HELP = "honest traffic of many virtual cars against a gateway: how many, how fast, none lost"
DESCRIPTION = """\
Signed frames under OSCORE from many virtual cars, made ahead, sent when they are due whether the gateway
keeps up or not; a late answer counts as late, a missing one as never. Times run from the moment a datagram
was due to its answer, and to the arrival of its frames at a subscriber of the broker. Answers are opened and
frames counted one by one: exit code 1 if one that was answered 2.04 did not arrive.

The cars' keys follow from --seed. Their links are made first, by EDHOC (edhoc.rate in gateway.toml is the
limit of their number a second). Three ways to a gateway:
  --serve                                   one of its own, with a broker, in a folder that goes away
  --config gateway.toml                     one that runs on this machine: its address and broker are read
                                            there, and the cars are enrolled with `gateway enroll --file`
  --gateway HOST:PORT --gateway-key HEX     any other; enroll the rows of --rows FILE there first"""
EXAMPLE = """\
python -m hwsim load --serve --terminals 500 --rate 2000 --seconds 10 --json load.json
         python -m hwsim load --rows cars.jsonl --terminals 500
         python -m hwsim load --gateway 192.0.2.7:5683 --gateway-key 60fed4... --broker 192.0.2.8:1883 \\
             --terminals 500 --rate 1000 --seconds 60 --forged 5000"""


def arguments(parser):
    parser.add_argument(
        "--gateway",
        type=types.address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="where datagrams go; several times for several nodes of one journal",
    )
    parser.add_argument(
        "--gateway-key",
        type=types.public_key,
        metavar="HEX",
        help="its public key, as `gateway key` shows it",
    )
    parser.add_argument(
        "--config", type=types.file, metavar="FILE", help="gateway.toml of a gateway that runs"
    )
    parser.add_argument("--serve", action="store_true", help="start a gateway and a broker for it")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="with --serve: a key of its gateway.toml, as security.verify_threads=1",
    )
    parser.add_argument(
        "--workers", type=types.count, metavar="N", help="with --serve: so many processes (`serve --workers`)"
    )
    parser.add_argument(
        "--broker", type=types.address, metavar="HOST:PORT", help="listen there for what arrives"
    )
    parser.add_argument("--prefix", default="patrola/v1", help="of the topics (patrola/v1)")
    parser.add_argument(
        "--rows",
        type=types.new_file,
        metavar="FILE",
        help="write the cars for `gateway enroll --file` and end",
    )
    types.option(parser, "--terminals", types.count, 500, "N", "cars")
    types.option(parser, "--rate", types.positive, 1000.0, "R", "datagrams a second")
    types.option(parser, "--seconds", types.positive, 10.0, "S", "how long they are due")
    types.option(parser, "--batch", _batch, 1, "K", "positions in one datagram, 1 to 5")
    types.option(
        parser,
        "--urgent",
        types.probability,
        0.02,
        "SHARE",
        "share of urgent datagrams, panics and statuses by turns",
    )
    types.option(
        parser,
        "--forged",
        types.positive,
        0,
        "RATE",
        "also so many datagrams a second of strangers and forgers",
    )
    parser.add_argument(
        "--roam",
        type=types.probability,
        default=0.0,
        metavar="SHARE",
        help="with several gateways: how often a car changes between them (0: it stays)",
    )
    parser.add_argument(
        "--no-repeat", action="store_true", help="send nothing again, as no terminal would behave"
    )
    parser.add_argument(
        "--apart",
        action="store_true",
        help="repeat each datagram as though its car had no other: what as many cars as datagrams would do",
    )
    types.option(parser, "--warm", types.positive, 1.0, "S", "at first, left out of the times")
    types.option(parser, "--drain", types.positive, 5.0, "S", "wait so long for the last of them")
    parser.add_argument("--seed", type=int, default=1, help="of keys and of the mixture (1)")
    types.option(parser, "--jobs", types.count, 1, "J", "processes that prepare")
    output.option(parser, "what was measured")


def _batch(text):
    value = int(text)
    if not 1 <= value <= 5:
        raise argparse.ArgumentTypeError(f"1 to 5, not {text}")
    return value


def run(options):
    from hwsim.load import cars
    from hwsim.load.command import measure

    fleet = cars.cars(options.seed, options.terminals)
    if options.rows:
        cars.write(fleet, options.rows)
        print(f"{options.rows}: {len(fleet)} cars; next: python -m gateway enroll --file {options.rows}")
        return 0
    return measure(options, fleet)
