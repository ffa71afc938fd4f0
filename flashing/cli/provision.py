"""`./flash.py provision`."""

import argparse
import json
import sys

NAME = "provision"
HELP = "make a board the terminal of one car: key pair, settings, enrolment"
DESCRIPTION = (
    "Makes the key pair on the board (only its public half comes out), checks and writes the settings of "
    "the car, "
    "and enrolls it at the gateway, over HTTPS or by a signed file. The same command goes on where an "
    "interrupted "
    "one has stopped."
)
EXAMPLE = (
    "./flash.py provision --board SIM --config cars.csv --unit vr-101 --gateway https://gateway.example:9684"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    from flashing.desk import options as desk

    desk.board_options(parser)
    parser.add_argument("--unit", metavar="UNIT", help="the car's row in the list")
    desk.provision_options(parser)
    parser.add_argument(
        "--replace-identity",
        action="store_true",
        help="give the board a new key pair: it becomes another terminal, the old one is worth nothing then",
    )
    parser.add_argument(
        "--replace-unit", default="", metavar="WHY", help="put it into the place of the unit's terminal"
    )


def run(options: argparse.Namespace) -> int:
    from flashing.desk import cars, provision
    from flashing.desk import options as desk

    desk.check_ways(options)
    common = desk.common(options)
    if options.config is not None:
        if options.unit is None:
            listed = cars.read(options.config, common)
            raise desk.which_unit(listed)
        car = cars.find(cars.read(options.config, common), options.unit, options.config)
    else:
        car = desk.ask_car(common, options.unit)
    technician = desk.technician(options)
    wishes = desk.wishes(options, options.replace_identity, options.replace_unit)
    car = provision.finished(car, wishes)
    out = sys.stderr if options.json else sys.stdout
    with desk.device(options) as device:
        record = provision.provision(
            device, car, options.board, technician, wishes, options.records, desk.teller(out)
        )
    if options.json:
        print(json.dumps(record, ensure_ascii=False))
        return 0
    print(f"\n{car.place} is terminal {record['kid']}")
    print("Its program has not been started yet. Now test it:")
    print(f"  ./flash.py test {desk.same_words(options)} --unit {car.place}")
    return 0
