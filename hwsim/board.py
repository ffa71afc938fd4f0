"""Reads a board's description, `boards/<NAME>/board.toml`."""

import tomllib
from pathlib import Path

BOARDS = Path(__file__).resolve().parent.parent / "boards"


def load_board(board):
    """The description, from a board's name, the path of a TOML file, or a dictionary that is one already."""
    if isinstance(board, dict):
        return board
    path = Path(board)
    if not path.suffix:
        path = BOARDS / str(board) / "board.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
