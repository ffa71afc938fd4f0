"""`--json` of the bench's commands: a file, or standard output with nothing else on it."""

import argparse
import json
import os

import pytest

from hwsim.cli import output


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    output.option(parser, "the result")
    return parser.parse_args(arguments)


def test_a_file_is_emptied_only_when_there_is_something_to_write(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("of the last run\n" * 40)
    options = parsed("--json", str(path))
    assert path.read_text().startswith("of the last run")
    options.json.write({"violations": []})
    assert json.loads(path.read_text()) == {"violations": []}


def test_a_device_or_a_pipe_is_written_to_though_it_cannot_be_emptied(tmp_path):
    parsed("--json", "/dev/null").json.write({"seed": 7})
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        parsed("--json", str(tmp_path / "pipe")).json.write({"seed": 7})
        assert json.loads(os.read(reader, 4096)) == {"seed": 7}
    finally:
        os.close(reader)


def test_a_file_that_cannot_be_written_is_said_before_the_work_begins(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed("--json", str(tmp_path / "missing" / "out.json"))
    assert ended.value.code == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_a_dash_is_standard_output_and_what_is_said_goes_aside(capfd):
    options = parsed("--json", "-")
    with output.aside(options):
        print("seed 7: all promises kept")
        options.json.write({"seed": 7})
    told = capfd.readouterr()
    assert json.loads(told.out) == {"seed": 7} and told.err == "seed 7: all promises kept\n"


@pytest.mark.parametrize("arguments", [(), ("--json", "/dev/null")])
def test_without_a_dash_what_is_said_is_on_standard_output(arguments, capfd):
    options = parsed(*arguments)
    with output.aside(options):
        print("all promises kept")
    assert capfd.readouterr().out == "all promises kept\n"
