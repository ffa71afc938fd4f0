"""The command `./flash.py flash` in this process, as a technician gets to see it."""

import contextlib
import io
import json

import pytest

import flash as tool
from flashing.board import console, start


@pytest.fixture(scope="session", autouse=True)
def patient():
    """The wall's clock judges nothing here: a machine that does much else answers late."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "_START_S", 120.0)
        patch.setattr(console, "_PATIENCE_S", 120.0)
        patch.setattr(start, "_QUIET_S", 120.0)
        patch.setattr(start, "_LONGEST_S", 600.0)
        yield


@pytest.fixture(scope="session")
def flash_run(tmp_path_factory):
    """`flash_run(stand, program, *options)`: (exit code, standard output, standard error)."""
    folder = tmp_path_factory.mktemp("images")

    def run(stand, image, *options, board="SIM", port=None):
        file = folder / f"{image.version_text}-{image.sha256.hex()[:8]}.romfs"
        file.write_bytes(image.data)
        words = ["flash", "--board", board, "--port", port or stand.port, "--image", str(file), *options]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = tool.main(words)
            except SystemExit as wrong:
                code = wrong.code
        return code, out.getvalue(), err.getvalue()

    return run


def result(done):
    """The JSON of a run that went well."""
    code, out, err = done
    assert code == 0, err
    return json.loads(out)


def error(done):
    """The error in the JSON of one that did not."""
    code, out, _ = done
    assert code == 1, out
    return json.loads(out)["error"]
