"""Boards' descriptions, boards/<NAME>/board.toml: what may stand in them, and what is wrong with one."""
