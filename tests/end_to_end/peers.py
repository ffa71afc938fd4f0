"""Where the independent implementations live, and the files they want."""

import json
import os

import pytest

from tests.conftest import ROOT


def peers_python():
    """Python of the peers' environment; PATROLA_PEERS names another folder than `.venv-peers`."""
    python = ROOT.joinpath(os.environ.get("PATROLA_PEERS", ".venv-peers"), "bin", "python")
    if not python.exists():
        pytest.fail(f"no {python}: run `make setup-peers`")
    return str(python)


def write_context(folder, secret, salt, sender, recipient):
    """An OSCORE context as `aiocoap` reads it; all values are hex."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "algorithm": "AES-CCM-16-64-128",
        "secret_hex": secret,
        "salt_hex": salt,
        "sender-id_hex": sender,
        "recipient-id_hex": recipient,
    }
    folder.joinpath("settings.json").write_text(json.dumps(settings))
