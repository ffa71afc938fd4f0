"""What nothing in the program refers to is left out before it is compiled: functions, methods, imports.

`protocol/` serves the gateway too; a terminal has no use for half of it, and a method costs about 50 bytes of
heap even in a ROM image. The look is by name alone, over the whole program: a name that occurs anywhere else,
also as the whole of a string, keeps every definition of that name. Lines stay where they are.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from flashing.source import Edit, import_text, rewritten

# Python calls these by itself.
_CALLED = re.compile(r"__\w+__")
_WORD = re.compile(r"\A[A-Za-z_]\w*\Z")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def shake(sources: dict[str, str], kept: Iterable[str] = ()) -> dict[str, str]:
    """The program without what nothing refers to. Names in `kept` stay whatever happens."""
    while True:
        trees = {name: ast.parse(text) for name, text in sources.items()}
        counts = Counter(kept)
        asked: set[tuple[str, str]] = set()
        for tree in trees.values():
            counts.update(_mentions(tree))
            asked.update(_imported(tree))
        shaken = {
            name: rewritten(text, _unused(name, trees[name], counts, asked)) for name, text in sources.items()
        }
        if shaken == sources:
            return sources
        sources = shaken


def _mentions(tree: ast.AST) -> Iterator[str]:
    """Every name that is used, as often as it is; definitions, annotations and docstrings are no use."""
    skipped = {id(inner) for node in _annotations(tree) for inner in ast.walk(node)}
    skipped |= {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.alias) and node.asname:
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _WORD.findall(node.value)


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of everything that is imported from somewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name


def _annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, _Function) and node.returns is not None:
            yield node.returns
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation


def _unused(name: str, tree: ast.Module, counts: Counter[str], asked: set[tuple[str, str]]) -> Iterator[Edit]:
    own = Counter(_mentions(tree))
    for node in tree.body:
        if isinstance(node, _Function | ast.ClassDef) and not _wanted(node, counts):
            yield node, ""
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, _Function) and not _wanted(member, counts):
                    yield member, ""
        elif isinstance(node, ast.ImportFrom):
            yield from _import(name, node, own, asked)


def _wanted(node: _Function | ast.ClassDef, counts: Counter[str]) -> bool:
    """Used somewhere other than in itself."""
    if _CALLED.fullmatch(node.name):
        return True
    return counts[node.name] > Counter(_mentions(node))[node.name]


def _import(
    module: str, node: ast.ImportFrom, own: Counter[str], asked: set[tuple[str, str]]
) -> Iterator[Edit]:
    """Names that this module does not use, and that nobody fetches from here."""
    local = [alias.asname or alias.name for alias in node.names]
    kept = [
        alias for alias, name in zip(node.names, local, strict=True) if own[name] or (module, name) in asked
    ]
    if len(kept) == len(node.names):
        return
    yield node, import_text(node, kept)
