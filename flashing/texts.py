"""What a program says when something is wrong, in one text that stays in ROM.

A text in the compiled program costs an object in RAM, even where its letters stay in ROM; of those that are
only ever raised or logged there are hundreds. Here each becomes a piece of one text, cut out when it is said.
"""

import ast
from collections.abc import Iterator

from flashing.source import Module, Program

# Shorter ones are names to MicroPython's compiler, and may be there already.
_SHORTEST = 11
_LOGGED = {"log", "_log", "_say"}
_MARK, _WHOLE, _PIECE = "said_text", "all_texts", "piece_of_text"


def mark(program: Program) -> None:
    """While functions still have their names: what is raised or logged."""
    for module in program.modules.values():
        for node in _said(module.tree):
            module.replace(node, f"{_MARK}({node.value!r})")
    program.apply()


def gather(texts: dict[str, str], one: str) -> None:
    """{module: text}, in place: marked texts of module `one` become pieces of one text, those of the others
    are what they were. Lines stay where they are."""
    for name in texts:
        module = Module(name, texts[name])
        pieces: dict[str, int] = {}
        whole = ""
        for node in _marked(module.tree):
            said = node.args[0].value
            if name != one:
                module.replace(node, repr(said))
                continue
            if said not in pieces:
                pieces[said] = len(whole)
                whole += said
            module.replace(node, f"{_PIECE}({pieces[said]}, {pieces[said] + len(said)})")
        module.apply()
        texts[name] = module.text
        if whole:
            texts[name] += f"{_WHOLE} = {whole!r}\ndef {_PIECE}(a, b):\n    return {_WHOLE}[a:b]\n"


def _marked(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _MARK:
            yield node


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
