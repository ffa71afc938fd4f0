"""A board behind a port, and a cable that can be pulled: its flash keeps what was on it."""

import os

import pytest

from hwsim.board_stand import BoardStand
from tests.hwsim.prompt_client import FILL, Client, Gone


def test_flash_is_kept_from_run_to_run(tmp_path):
    for _ in range(2):
        with BoardStand(flash_path=tmp_path / "flash") as stand, Client(stand.port) as client:
            client.until(b">>> ")
            client.raw()
            printed, _ = client.run("import os\nprint(os.listdir('/'))\nopen('/kept', 'w').close()")
    assert printed == "['kept']\r\n"


def test_the_cable_is_pulled_and_put_in_again(stand):
    with Client(stand.port) as client:
        client.until(b">>> ")
        client.raw()
        client.run("open('/kept', 'w').close()")
        stand.pull()
        with pytest.raises(Gone):
            client.write(b"1\r\n")
            client.until(b"1")
    assert not stand.plugged and not os.path.exists(stand.port)
    stand.plug()
    with Client(stand.port) as client:
        client.until(b">>> ")
        client.raw()
        assert client.run("import os\nprint(os.listdir('/'))")[0] == "['kept']\r\n"


def test_power_fails_in_a_flash_operation(stand):
    with Client(stand.port) as client:
        client.until(b">>> ")
        client.raw()
        before = stand.flash.operations
        stand.pull_at(operation=20)
        with pytest.raises(Gone):
            client.run(FILL)
    assert not stand.plugged
    assert stand.flash.operations == before + 21 and stand.flash.torn == 1
    stand.plug()
    with Client(stand.port) as client:
        client.until(b">>> ")
        client.raw()
        client.run(FILL)
        assert client.run("import os\nprint(os.stat('/big')[6])")[0] == "20000\r\n"


def test_the_cable_is_pulled_at_a_byte(stand):
    with Client(stand.port) as client:
        client.until(b">>> ")
        client.raw()
        stand.pull_at(byte=500)
        begun = stand.console.bytes
        with pytest.raises(Gone):
            client.paste("#" * 2000)
    assert 500 <= stand.console.bytes - begun < 500 + 2 * 120
    stand.pull_at()
    stand.plug()
    with Client(stand.port) as client:
        client.until(b">>> ")
        client.raw()
        client.paste("#" * 2000)


def test_a_program_that_has_died_leaves_the_port(stand, client):
    os.kill(stand.terminal.pid, 9)
    client.write(b"1\r\n")
    assert stand.until(lambda: any(event.what == "died" for event in stand.events))
    stand.pull()
    stand.plug()
    with Client(stand.port) as again:
        again.until(b">>> ")
