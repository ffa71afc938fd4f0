"""Changes to source text that leave every line where it was, so that a traceback names the right one."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Replace what `node` covers by `text`; "" leaves nothing."""

    node: ast.AST
    text: str


def apply_all(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; they must not overlap."""
    lines = text.encode().split(b"\n")
    for edit in sorted(edits, key=lambda e: (e.node.lineno, e.node.col_offset), reverse=True):
        _apply(lines, edit)
    return b"\n".join(lines).decode()


def _apply(lines: list[bytes], edit: Edit) -> None:
    node = edit.node
    first, last = node.lineno - 1, node.end_lineno - 1
    for decorator in getattr(node, "decorator_list", ()):
        first = min(first, decorator.lineno - 1)
    before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
    text = edit.text
    if not text and isinstance(node, ast.stmt) and before:
        text = "pass"  # a body must not become empty; at the top of a file it may
    lines[first] = before + text.encode() + (after if first == last else b"")
    if first != last:
        for index in range(first + 1, last):
            lines[index] = b""
        lines[last] = after
