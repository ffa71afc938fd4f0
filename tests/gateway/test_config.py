"""A wrong configuration is refused before anything starts: file, key, value, and what to do."""

import re
from pathlib import Path

import pytest

from gateway.config import KEYS, ConfigError, check, load

EXAMPLE = Path(__file__).resolve().parents[2] / "gateway" / "gateway.example.toml"


def refusal(tmp_path, text):
    path = tmp_path / "gateway.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_the_example_changes_nothing_and_shows_every_key(tmp_path):
    """As shipped it is all defaults; with every key taken out of its comment it is all defaults too."""
    defaults = check({}, tmp_path / "gateway.toml")
    (tmp_path / "gateway.toml").write_text(EXAMPLE.read_text())
    assert load(tmp_path / "gateway.toml").values == defaults.values
    active = re.sub(r"(?m)^# (\w+ = )", r"\1", EXAMPLE.read_text())
    (tmp_path / "gateway.toml").write_text(active)
    assert load(tmp_path / "gateway.toml").values == defaults.values
    shown = re.findall(r"(?m)^(?:\[(\w+)\]|(\w+) = )", active)
    section, names = None, set()
    for head, key in shown:
        section = head or section
        if key:
            names.add(f"{section}.{key}")
    assert names == {f"{section}.{key}" for section, keys in KEYS.items() for key in keys}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[listen]\nport = 70000", ["listen.port = 70000", "0 to 65535", "What to do"]),
        ("[listen]\nport = true", ["listen.port = True", "whole number"]),
        ('[listen]\nport = "5683"', ["listen.port = '5683'"]),
        ("[listen]\nprot = 1", ["listen.prot", "unknown key", "port"]),
        ("[listn]\nport = 1", ["[listn]", "unknown section", "listen"]),
        ("listen = 1", ["listen = 1", "section"]),
        ('[gateway]\nid = "HQ 1"', ["gateway.id = 'HQ 1'", "a-z"]),
        ('[northbound]\nprefix = "a/+/b"', ["northbound.prefix", "letters"]),
        ('[broker]\nprotocol = "4"', ["broker.protocol = '4'", '"auto"']),
        (
            "[broker]\nretry_first_ms = 900\nretry_cap_ms = 100",
            ["broker.retry_first_ms", "broker.retry_cap_ms"],
        ),
        ('[broker]\nkey_file = "x"', ["broker.certificate_file", "set both"]),
        ('[broker]\nca_file = "absent.pem"', ["broker.ca_file", "no such file"]),
        ('[journal]\npath = "absent/j.sqlite"', ["journal.path", "no such folder"]),
        ('[journal]\npath = ""', ["journal.path = ''"]),
        ('[log]\nlevel = "loud"', ["log.level = 'loud'", '"debug"']),
        ("[listen\n", ["not TOML", "line 1"]),
        (b"\xff\xfe", ["not TOML"]),
    ],
)
def test_refusals_name_the_key_the_value_and_what_to_do(tmp_path, text, words):
    message = refusal(tmp_path, text)
    for word in words:
        assert word in message, message


def test_a_missing_file_says_where_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="gateway.example.toml"):
        load(tmp_path / "none.toml")


def test_paths_are_relative_to_the_file(tmp_path):
    (tmp_path / "gateway.toml").write_text("")
    assert load(tmp_path / "gateway.toml").journal_path == tmp_path / "patrola.sqlite"


def test_password_file(tmp_path):
    (tmp_path / "secret").write_text("päss word\n")
    config = check({"broker": {"password_file": "secret"}}, tmp_path / "gateway.toml")
    assert config.broker_password() == "päss word"
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match=r"broker\.password_file"):
        config.broker_password()
