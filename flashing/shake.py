"""What nothing in the program refers to is left out before it is compiled: functions, methods, imports.

`protocol/` serves the gateway too; a terminal has no use for half of it, and a method costs about 50 bytes of
heap even in a ROM image. The look is by name alone, over the whole program: a name that occurs anywhere else,
also as the whole of a string, keeps every definition of that name. Lines stay where they are.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from flashing.source import Edit, import_text, parse, rewritten

# Python calls these by itself.
_CALLED = re.compile(r"__\w+__")
_WORD = re.compile(r"\A[A-Za-z_]\w*\Z")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Module:
    """A module as text and tree, with what it mentions; read once, as most of them stay as they are from
    round to round."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = parse(text)
        self.mentions = Counter(_mentions(self.tree))
        self.imported = set(_imported(self.tree))
        self._within: dict[ast.AST, int] = {}

    def within(self, node: _Function | ast.ClassDef) -> int:
        """How often a definition mentions its own name."""
        if node not in self._within:
            self._within[node] = sum(name == node.name for name in _mentions(node))
        return self._within[node]


def shake(sources: dict[str, str], kept: Iterable[str] = ()) -> dict[str, str]:
    """The program without what nothing refers to. Names in `kept` stay whatever happens."""
    modules = {name: _Module(text) for name, text in sources.items()}
    while True:
        counts = Counter(kept)
        asked: set[tuple[str, str]] = set()
        for module in modules.values():
            counts.update(module.mentions)
            asked |= module.imported
        before = modules
        modules = {}
        for name, module in before.items():
            text = rewritten(module.text, _unused(name, module, counts, asked))
            modules[name] = module if text == module.text else _Module(text)
        if modules == before:
            return {name: module.text for name, module in modules.items()}


def _mentions(tree: ast.AST) -> Iterator[str]:
    """Every name that is used, as often as it is; definitions, annotations and docstrings are no use."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.alias) and node.asname:
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _WORD.findall(node.value)
        left.extend(child for child in ast.iter_child_nodes(node) if not _is_no_use(node, child))


def _is_no_use(node: ast.AST, child: ast.AST) -> bool:
    """An annotation or a docstring."""
    if isinstance(node, ast.Expr):
        return isinstance(child, ast.Constant)
    if isinstance(node, ast.arg | ast.AnnAssign):
        return child is node.annotation
    return isinstance(node, _Function) and child is node.returns


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of everything that is imported from somewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name


def _unused(name: str, module: _Module, counts: Counter[str], asked: set[tuple[str, str]]) -> Iterator[Edit]:
    for node in module.tree.body:
        if isinstance(node, _Function | ast.ClassDef) and not _wanted(module, node, counts):
            yield node, ""
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, _Function) and not _wanted(module, member, counts):
                    yield member, ""
        elif isinstance(node, ast.ImportFrom):
            yield from _import(name, node, module.mentions, asked)


def _wanted(module: _Module, node: _Function | ast.ClassDef, counts: Counter[str]) -> bool:
    """Used somewhere other than in itself."""
    return bool(_CALLED.fullmatch(node.name)) or counts[node.name] > module.within(node)


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
