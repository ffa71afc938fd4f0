"""A board finished elsewhere drives in a car of the bench: from its own slot, with its own key pair."""

import pytest

from hwsim import finished, technician
from hwsim.desk import Desk
from hwsim.flash import Flash
from hwsim.kernel import Kernel
from hwsim.rig import SETTINGS, Kit, Rig
from hwsim.technician import FleetError
from tests.hwsim import slotted

OTHER = {"host": "192.0.2.99", "port": 5999, "moving_s": 5, "gateway_key": "11" * 64}


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


def desk_key():
    return Desk(Kernel()).public.hex()


@pytest.fixture(scope="module")
def board(kit, tmp_path_factory):
    """(its flash, its public key); it was provisioned for another gateway."""
    other = technician.make_identity("gw", kit.image, _spare(tmp_path_factory)).hex()
    settings = SETTINGS | OTHER | {"gateway_key": other}
    return slotted.provisioned(tmp_path_factory.mktemp("board"), kit.image, settings)


def _spare(factory):
    return factory.mktemp("spare") / "flash"


def test_it_is_taken_as_it_is_and_told_of_another_gateway(kit, board, tmp_path):
    flash, public = board
    before = flash.read_bytes()
    copy = tmp_path / "copy"
    found, settings, sizes = finished.take("car", flash, copy)
    assert found == public and settings["moving_s"] == 5 and settings["port"] == 5999
    assert set(sizes) == {"urgent_kb", "bulk_kb"}
    gateway = {"host": SETTINGS["host"], "port": SETTINGS["port"], "gateway_key": desk_key()}
    finished.aim("car", copy, settings, gateway)
    assert finished.take("car", copy, tmp_path / "again")[1] == settings | gateway
    assert flash.read_bytes() == before
    kit.flashes[0].write_bytes(copy.read_bytes())
    kit.publics[0] = public
    with Rig(kit, tmp_path) as rig:
        rig.cars[0].terminal.image = None
        rig.working()
        assert [event.fields["cause"] for event in rig.seen("start")] == ["power"]


def test_what_is_no_finished_board_is_named(kit, tmp_path):
    with pytest.raises(FleetError, match=r"nowhere: no such file; .*hwsim board"):
        finished.take("car", tmp_path / "nowhere", tmp_path / "copy")
    Flash(tmp_path / "blank", 4 << 20).close()
    with pytest.raises(FleetError, match="blank: not the flash of a finished board"):
        finished.take("car", tmp_path / "blank", tmp_path / "copy")
    bare = slotted.board(tmp_path, kit.image, "bare")
    slotted.put_files(bare, {"/config.json": "{}"})
    with pytest.raises(FleetError, match=r"no identity yet: \./flash\.py provision"):
        finished.take("car", bare, tmp_path / "copy")
