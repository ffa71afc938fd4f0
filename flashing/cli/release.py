"""`./flash.py release`."""

import argparse
import json
from pathlib import Path

from flashing.errors import Usage

NAME = "release"
HELP = "make a release for updates in the field, or the key that signs them"
DESCRIPTION = (
    "The program for one board as an image, and a SUIT manifest that says what it is, signed by the release "
    "key. `gateway release add` takes the manifest, with the image beside it. The public half goes "
    "into each terminal (`provision --release-key`); the private half stays with whoever answers for "
    "releases, never at the gateway."
)
EXAMPLE = "./flash.py release --board SIM --key release.pem --output build --version 0.2.0"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--board", help="a name that `./flash.py boards` lists")
    parser.add_argument(
        "--key", required=True, type=Path, metavar="FILE", help="the private release key, PEM"
    )
    parser.add_argument(
        "--make-key", action="store_true", help="make the key FILE, and print its public half"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="the folder for image and manifest")
    parser.add_argument("--version", help="another version than firmware/version.py says, as 1.2.3")


def run(options: argparse.Namespace) -> int:
    from flashing.release import make_key, make_release, read_key

    if options.make_key:
        if options.board or options.output or options.version:
            raise Usage("--make-key makes a key and nothing else", "first the key, then releases with it")
        made = make_key(options.key)
        if options.json:
            print(json.dumps(made))
        else:
            print(f"{made['key']}: the private key, for whoever answers for releases, and nobody else")
            print(
                f"{made['public']}: its public half, for ./flash.py provision --release-key and the gateway"
            )
            print(f'"release_key" of terminals: {made["release_key"]}')
        return 0
    if not options.board or not options.output:
        raise Usage("--board and --output: which board, and where to?", "give both, or --make-key")
    release = make_release(options.board, read_key(options.key), options.output, options.version)
    if options.json:
        print(json.dumps(release))
    else:
        print(f"{release['manifest']}: {release['board']} {release['version']}, by key {release['kid']}")
        print(f"{release['image']}: {release['bytes']} bytes, SHA-256 {release['sha256']}")
        print(f"next: python -m gateway release add {release['manifest']}")
    return 0
