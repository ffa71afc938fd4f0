# runs on: micropython
"""The first life of a terminal: a key pair made here, files that are checked before they are kept."""

import json
import os

import vfs

from firmware import identity, p256, provision, signer
from firmware.provision import ProvisionError
from tests.firmware.gateway_key import GATEWAY_KEY
from tests.firmware.ramflash import RamFlash
from tests.portable import raises

ROOM = "/prov"
IDENTITY, CONFIG = ROOM + "/identity", ROOM + "/config.json"
SLOTS = (ROOM + "/oscore0", ROOM + "/oscore1")
GOOD = {"host": "192.0.2.1", "gateway_key": GATEWAY_KEY}


class Chip:
    uid = b"\x01\x02\x03"

    def __init__(self, memory=None):
        self.memory = memory

    def entropy(self, n):
        return os.urandom(n)


class Room:
    def __enter__(self):
        flash = RamFlash(16)
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), ROOM)

    def __exit__(self, kind, value, trace):
        vfs.umount(ROOM)
        return False


def _create(replace=False):
    return provision.create_identity(Chip(), replace, IDENTITY, SLOTS)


def _install(config, memory=None):
    return provision.install(
        config if isinstance(config, str) else json.dumps(config), Chip(memory), CONFIG, IDENTITY, SLOTS
    )


def _fill_slots():
    for path in SLOTS:
        with open(path, "wb") as file:
            file.write(b"keys")


def test_the_key_pair_signs():
    with Room():
        public = _create()
        private, kept = identity.read(IDENTITY)
        assert kept == public and len(public) == 64
        # The signer checks a signature of its own with the public key when it is made.
        assert signer.Signer(private, public, os.urandom, 1, b"x").kid == signer.key_id(public)


def test_a_second_key_pair_is_not_made_by_accident():
    with Room():
        first = _create()
        with raises(ProvisionError):
            _create()
        assert identity.read(IDENTITY)[1] == first
        assert _create(True) != first


def test_a_damaged_identity_is_none():
    with Room():
        for text in (b"", b"\xa0", b"\xa2\x00\x41\x00\x01\x41\x00", b"\xff" * 100):
            with open(IDENTITY, "wb") as file:
                file.write(text)
            assert identity.read(IDENTITY) is None


def test_keys_of_the_link_do_not_outlive_the_identity_they_were_made_for():
    with Room():
        _create()
        _fill_slots()
        with raises(ProvisionError):
            _create()
        assert sorted(os.listdir(ROOM)) == ["identity", "oscore0", "oscore1"]
        _create(True)
        assert os.listdir(ROOM) == ["identity"]


def test_good_settings_are_kept_as_they_are():
    with Room():
        config = json.dumps(dict(GOOD, covert=True))
        assert _install(config) == []
        with open(CONFIG) as file:
            assert file.read() == config


def test_the_starts_before_are_forgotten_when_something_was_done():
    said = []
    with Room():
        provision.create_identity(Chip(said.append), False, IDENTITY, SLOTS)
        assert said == [b""]
        assert _install({"host": "h"}, said.append) and said == [b""]
        assert _install(GOOD, said.append) == [] and said == [b"", b""]


def test_wrong_settings_are_refused_whole_with_all_that_is_wrong():
    with Room():
        wrong = _install({"host": "h", "port": 0, "movign": 1, "gateway_key": GATEWAY_KEY[1:]})
        assert len(wrong) == 3, wrong
        assert '"gateway_key" has 127' in wrong[1] and '"port" is 0' in wrong[0] and '"movign"' in wrong[2]
        assert '"gateway_key" is missing' in _install({"host": "h"})[0]
        assert "not JSON" in _install("{")[0]
        assert "not an object" in _install("[]")[0]
        assert os.listdir(ROOM) == []


def test_the_terminals_own_key_is_not_the_gateways():
    with Room():
        own = _create()
        wrong = _install(dict(GOOD, gateway_key=own.hex()))
        assert len(wrong) == 1 and "of this terminal itself" in wrong[0] and "enroll" in wrong[0]
        assert os.listdir(ROOM) == ["identity"]


def test_another_gateway_ends_the_keys_of_the_link_and_other_settings_do_not():
    with Room():
        assert _install(GOOD) == []
        _fill_slots()
        assert _install(dict(GOOD, apn="police")) == []
        assert len(os.listdir(ROOM)) == 3
        other = GATEWAY_KEY[:64] + "%064x" % (p256.P - int(GATEWAY_KEY[64:], 16))
        assert _install(dict(GOOD, gateway_key=other)) == []
        assert os.listdir(ROOM) == ["config.json"]
