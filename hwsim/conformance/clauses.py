"""The clauses that cases are held to (clauses.toml), by short names. "Wire protocol" is Patrola's own,
version 1; its sections are named.
"""

import tomllib
from pathlib import Path

_ROWS = tomllib.loads(Path(__file__).with_name("clauses.toml").read_text("utf-8"))

CLAUSES = {name: (row["stands"], row["says"]) for name, row in _ROWS.items()}  # name -> (where, what)
