"""The access lists that `gateway acl` writes, read without a broker: what they allow, and that they follow
the registry."""

import re

import pytest

from tests.brokers.directorates import COMMANDS, LABELS, OTHER, SEES, UNITS, directorates
from tests.gateway.bench import call_cli, enroll
from tests.gateway.terminal import Terminal


@pytest.fixture
def place(tmp_path):
    return directorates(tmp_path)


def matches(rule, topic):
    """MQTT's own rule for filters (5.0, 4.7)."""
    want, have = rule.split("/"), topic.split("/")
    for at, level in enumerate(want):
        if level == "#":
            return True
        if at >= len(have) or level not in ("+", have[at]):
            return False
    return len(want) == len(have)


def rules(text, broker):
    """[(account, may, filter)] of the file, read as its manual says."""
    if broker == "mosquitto":
        user, out = None, []
        for line in text.splitlines():
            words = line.split(" ", 2)
            if words[0] == "user":
                user = words[1]
            elif words[0] == "topic":
                out.append((user, words[1], words[2]))
        return out
    found = re.findall(r'^\{allow, \{username, "([^"]+)"\}, (\w+), \[(.*)\]\}\.$', text, re.MULTILINE)
    say = {"subscribe": "read", "publish": "write"}
    assert text.rstrip().endswith("{deny, all}.")
    return [(user, say[what], topic) for user, what, some in found for topic in re.findall('"([^"]+)"', some)]


@pytest.mark.parametrize("kind", ["mosquitto", "emqx"])
def test_the_other_brokers_files_say_the_same(place, kind):
    """Where the broker itself is not here to be asked."""
    made = rules(call_cli(place, "acl", "--broker", kind)["text"], kind)

    def may(name, what, topic):
        return any(user == name and w == what and matches(rule, topic) for user, w, rule in made)

    for name, seen in SEES.items():
        for directorate, unit in UNITS.items():
            base = f"patrola/v1/{directorate}/{unit}"
            assert {label for label in LABELS if may(name, "read", f"{base}/{label}")} == seen[directorate], (
                name
            )
            right = directorate in COMMANDS[name]
            assert may(name, "write", f"{base}/command") == right
            assert may(name, "write", f"{base}/command/by/{name}") == right
            for other in ("command/by/somebody", "panic", "frame", "command/result"):
                assert not may(name, "write", f"{base}/{other}"), (name, other)
        assert may(name, "write", "patrola/v1/replay") == (name == "operations-centre")
    assert not may("desk-ps-vranje", "write", f"patrola/v1/{OTHER}/command")
    assert may("gateway", "write", "patrola/v1/uzice/tp-uzice/uz-3/panic")


def test_a_directorate_cannot_take_the_gateways_account(place):
    enroll(place, Terminal(), "x-1", "y", "operations-centre", context=False)
    error = call_cli(place, "acl", "--broker", "nats", code=1)["error"]
    assert "directorate operations-centre" in error


def test_the_list_follows_the_registry(place):
    """A neighbour no longer, an operator revoked, a mode in which names must be said."""

    def accounts():
        return {a["name"]: a for a in call_cli(place, "acl", "--broker", "nats")["accounts"]}

    before = accounts()
    assert "patrola/v1/leskovac/+/+/position" in before["vranje"]["read"]
    assert "desk-ps-vranje" in before
    call_cli(place, "neighbours", "vranje", "leskovac", "--remove")
    call_cli(place, "operator", "desk-ps-vranje", "--revoke")
    config = place / "gateway.toml"
    config.write_text(config.read_text() + '[commands]\nauthorisation = "broker"\n')
    after = accounts()
    assert not [topic for topic in after["vranje"]["read"] if "leskovac" in topic]
    assert "desk-ps-vranje" not in after
    assert not [topic for topic in after["vranje"]["write"] if topic.endswith("/command")]


def test_a_centre_that_sees_one_directorate_gets_no_replay_of_all(place):
    """Whoever may ask for a replay sees everything."""

    def asks():
        made = call_cli(place, "acl", "--broker", "nats")["accounts"]
        (centre,) = [account for account in made if account["name"] == "operations-centre"]
        return "patrola/v1/replay" in centre["write"]

    call_cli(place, "operator", "operations-centre", "--area", "vranje")
    assert not asks()
    call_cli(place, "operator", "operations-centre", "--area", "*")
    assert asks()


def test_an_operator_cannot_take_the_gateways_account(place):
    """Whatever it is called: the gateway could say nothing any more."""
    config = place / "gateway.toml"
    config.write_text(config.read_text().replace("[broker]", '[broker]\nusername = "patrola-1"'))
    call_cli(place, "operator", "patrola-1", "--area", "vranje")
    error = call_cli(place, "acl", "--broker", "nats", code=1)["error"]
    assert "operator patrola-1" in error and "broker.username" in error
    call_cli(place, "operator", "patrola-1", "--revoke")
    made = {account["name"]: account for account in call_cli(place, "acl", "--broker", "nats")["accounts"]}
    assert "patrola/v1/#" in made["patrola-1"]["write"]
