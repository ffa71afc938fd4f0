"""What a program says when something is wrong, in one text that stays in ROM.

A text in the compiled program costs an object in RAM, even where its letters stay in ROM; of those that are
only ever raised or logged there are hundreds. Here each becomes a piece of one text, cut out when it is said.
"""

import ast
from collections.abc import Iterator

from flashing.source import Module

# Shorter ones are names to MicroPython's compiler, and may be there already.
_SHORTEST = 11
_LOGGED = {"log", "_log", "_say"}
_WHOLE, _PIECE = "all_texts", "piece_of_text"


def gather(text: str) -> str:
    """The module with its texts gathered, each used as it was. Lines stay where they are."""
    module = Module("", text)
    pieces: dict[str, int] = {}
    whole = ""
    for node in list(_said(module.tree)):
        if node.value not in pieces:
            pieces[node.value] = len(whole)
            whole += node.value
        begin = pieces[node.value]
        module.replace(node, f"{_PIECE}({begin}, {begin + len(node.value)})")
    if not pieces:
        return text
    module.apply()
    return module.text + f"{_WHOLE} = {whole!r}\ndef {_PIECE}(begin, end):\n    return {_WHOLE}[begin:end]\n"


def _said(node: ast.AST, inside: bool = False, said: bool = False) -> Iterator[ast.Constant]:
    """Texts in functions that are raised or logged; `said`: `node` is."""
    if isinstance(node, ast.Constant):
        if inside and said and isinstance(node.value, str) and len(node.value) >= _SHORTEST:
            yield node
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for statement in node.body:
            yield from _said(statement, True)
        return  # defaults and decorators are made once, when the program starts
    said = said or isinstance(node, ast.Raise) or _logs(node)
    for child in ast.iter_child_nodes(node):
        yield from _said(child, inside, said)


def _logs(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _LOGGED
