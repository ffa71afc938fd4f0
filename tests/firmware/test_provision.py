# runs on: micropython
"""The first life of a terminal: a key pair made here, files that are checked before they are kept."""

import json
import os

import vfs

from firmware import provision, signer
from firmware.provision import ProvisionError
from tests.firmware.ramflash import RamFlash
from tests.portable import raises

ROOM = "/prov"
IDENTITY, CONFIG, LINK = ROOM + "/identity", ROOM + "/config.json", ROOM + "/link.json"
GOOD_LINK = {"secret": "00" * 16, "salt": "", "sender_id": "22" * 7, "recipient_id": "01"}


class Chip:
    uid = b"\x01\x02\x03"

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


def _install(config, link):
    return provision.install(config, link, CONFIG, LINK)


def test_the_key_pair_signs():
    with Room():
        public = provision.create_identity(Chip(), path=IDENTITY)
        private, kept = provision.read_identity(IDENTITY)
        assert kept == public and len(public) == 64
        # The signer checks a signature of its own with the public key when it is made.
        assert signer.Signer(private, public, os.urandom, 1, b"x").kid == signer.key_id(public)


def test_a_second_key_pair_is_not_made_by_accident():
    with Room():
        first = provision.create_identity(Chip(), path=IDENTITY)
        with raises(ProvisionError):
            provision.create_identity(Chip(), path=IDENTITY)
        assert provision.read_identity(IDENTITY)[1] == first
        assert provision.create_identity(Chip(), True, IDENTITY) != first


def test_a_damaged_identity_is_none():
    with Room():
        for text in (b"", b"\xa0", b"\xa2\x00\x41\x00\x01\x41\x00", b"\xff" * 100):
            with open(IDENTITY, "wb") as file:
                file.write(text)
            assert provision.read_identity(IDENTITY) is None


def test_good_files_are_kept_as_they_are():
    with Room():
        config = json.dumps({"host": "192.0.2.1", "covert": True})
        assert _install(config, json.dumps(GOOD_LINK)) == []
        with open(CONFIG) as file:
            assert file.read() == config
        link, problem = provision.read_link(LINK)
        assert problem is None and link["sender_id"] == b"\x22" * 7 and link["salt"] == b""


def test_wrong_files_are_refused_whole_with_all_that_is_wrong():
    with Room():
        wrong = _install('{"host": "h", "port": 0, "movign": 1}', json.dumps(dict(GOOD_LINK, secret="xyz")))
        assert len(wrong) == 3, wrong
        assert '"port" is 0' in wrong[0] and '"movign"' in wrong[1] and '"secret"' in wrong[2]
        assert os.listdir(ROOM) == []
        assert "not JSON" in _install("{", json.dumps(GOOD_LINK))[0]
        assert "not an object" in _install("[]", json.dumps(GOOD_LINK))[0]
        assert "link.json" in _install('{"host": "h"}', "{")[0]


def test_each_link_key_is_measured():
    for name, value in (
        ("secret", "00" * 15),
        ("salt", "00" * 65),
        ("sender_id", "00" * 8),
        ("sender_id", ""),
        ("recipient_id", ""),
        ("secret", None),
        ("secret", 5),
        ("salt", "0"),
    ):
        problem = provision.check_link(dict(GOOD_LINK, **{name: value}))
        assert problem is not None and '"%s"' % name in problem, (name, value, problem)
    assert provision.check_link([]) is not None
    assert provision.check_link(GOOD_LINK) is None


def test_a_missing_link_says_what_to_do():
    link, problem = provision.read_link("/no/link.json")
    assert link is None and "flash.py" in problem
