"""docs/configuration.md and the table of defaults say the same."""

import re
from pathlib import Path

from firmware import config

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def _rows():
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            for key in re.findall(r"`(\w+)`", cells[0]):
                yield key, cells[1], cells[2]


def test_every_key_is_explained_with_its_default_and_range():
    rows = {key: (default, may) for key, default, may in _rows()}
    assert set(rows) == {row[0] for row in config.TABLE} | {"keys"}
    for key, kind, default, low, high in config.TABLE:
        said, may = rows[key]
        if kind == "i":
            assert said == str(default), key
            assert may == f"{low} to {high}", key
        elif kind == "b":
            assert said == str(default).lower(), key
        else:
            assert said == ("none" if key in ("host", "gateway_key") else "empty"), key
            assert str(high) in may, key
