"""Is a board's description right?"""

from typing import Any

from flashing.describe import rules, shape
from flashing.describe.problem import Problem


def check(board: dict[str, Any]) -> list[Problem]:
    """Everything that is wrong with it; an empty list means nothing. `name`, which `load_board` adds, is no
    entry."""
    given = {key: value for key, value in board.items() if key != "name"}
    found = list(shape.problems(given))
    return found or list(rules.problems(given))
