"""A file of the program: its tree, who binds which name, and edits by place that keep every line where it
is."""

import ast
import dataclasses
import threading
from collections.abc import Iterable, Iterator
from typing import Any

# What to put in a node's place; "" takes a statement out.
Edit = tuple[ast.AST, str]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# CPython counts the depth of a tree for all threads together (cpython#106905): of two boards of a batch that
# are parsed for at once, one gets a SystemError.
_one = threading.Lock()


def parse(text: str, name: str = "") -> ast.Module:
    """ast.parse, from any thread. Raises SyntaxError."""
    with _one:
        return ast.parse(text, name)


def value(text: str) -> Any:
    """ast.literal_eval, from any thread. Raises ValueError, SyntaxError."""
    with _one:
        return ast.literal_eval(text)


class Module:
    """`name` is dotted. Edits are collected and applied together by `apply`."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._edits: list[tuple[int, int, str]] = []
        self._set(text)

    def _set(self, text: str) -> None:
        self.text = text
        self.tree = parse(text, self.name)
        self._data = text.encode()
        self._lines = [0]
        for line in self._data.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def place(self, line: int, column: int) -> int:
        return self._lines[line - 1] + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        begin = self.place(node.lineno, node.col_offset)
        return begin, self.place(node.end_lineno, node.end_col_offset)

    def replace(self, node: ast.AST, text: str) -> None:
        """Put `text` in the node's place; lines it had and `text` hasn't are kept as empty ones."""
        begin, end = self.span(node)
        lost = self._data[begin:end].count(b"\n") - text.count("\n")
        self._edits.append((begin, end, text + "\n" * lost))

    def remove(self, node: ast.stmt) -> None:
        """Take a statement out, its decorators too."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        # A body must not become empty; at the top of a file it may.
        text = "pass" if node.col_offset else ""
        self.cut(self.place(first, node.col_offset), self.span(node)[1], text)

    def replace_name(self, node: ast.AST, text: str) -> None:
        """Give a definition, an attribute or an argument another name."""
        if isinstance(node, ast.Attribute):
            end = self.place(node.end_lineno, node.end_col_offset)
            self._edits.append((end - len(node.attr.encode()), end, text))
            return
        name = node.arg if isinstance(node, ast.arg) else node.name
        begin = self._data.index(name.encode(), self._after_keyword(node))
        self._edits.append((begin, begin + len(name.encode()), text))

    def _after_keyword(self, node: ast.AST) -> int:
        begin = self.place(node.lineno, node.col_offset)
        words = {ast.FunctionDef: b"def ", ast.AsyncFunctionDef: b"def ", ast.ClassDef: b"class "}
        word = words.get(type(node))
        return begin if word is None else self._data.index(word, begin) + len(word)

    def cut(self, begin: int, end: int, text: str) -> None:
        """As `replace`, by bytes."""
        lost = self._data[begin:end].count(b"\n") - text.count("\n")
        self._edits.append((begin, end, text + "\n" * lost))

    def rfind(self, text: str, end: int) -> int:
        """Where `text` last stands before byte `end`."""
        return self._data.rindex(text.encode(), 0, end)

    def apply(self) -> None:
        data = self._data
        before = len(data) + 1
        for begin, end, text in sorted(set(self._edits), reverse=True):
            if end > before:
                raise ValueError(f"{self.name}: two edits overlap at byte {begin}")
            data = data[:begin] + text.encode() + data[end:]
            before = begin
        self._edits = []
        self._set(data.decode())


def rewritten(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; they must not overlap."""
    module = Module("", text)
    for node, new in edits:
        if isinstance(node, ast.stmt) and not new:
            module.remove(node)
        else:
            module.replace(node, new)
    module.apply()
    return module.text


@dataclasses.dataclass
class Program:
    modules: dict[str, Module]

    def apply(self) -> None:
        for module in self.modules.values():
            module.apply()


def program_of(sources: dict[str, str]) -> Program:
    """From {dotted name: text}; a package is called `room.__init__`, here `room`."""
    modules = {}
    for name, text in sources.items():
        name = name.removesuffix(".__init__")
        modules[name] = Module(name, text)
    return Program(modules)


def bound(node: ast.AST) -> set[str]:
    """Names that a function, lambda or comprehension binds for itself."""
    names: set[str] = set()
    if isinstance(node, FUNCTIONS):
        arguments = node.args
        every = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
        names |= {a.arg for a in [*every, arguments.vararg, arguments.kwarg] if a is not None}
    passed: set[str] = set()
    for child in _inside(node):
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            names.add(child.id)
        elif isinstance(child, ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(child.name or "")
        elif isinstance(child, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in child.names}
        elif isinstance(child, ast.Global | ast.Nonlocal):
            passed |= set(child.names)
    return names - passed


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of this scope, not of the scopes in it; a scope's own node is given."""
    todo = list(ast.iter_child_nodes(node))
    while todo:
        child = todo.pop()
        yield child
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef, *COMPREHENSIONS)):
            todo += ast.iter_child_nodes(child)


def global_names(tree: ast.Module) -> Iterator[ast.Name]:
    """Every `Name` that means one of the module's own globals (or a builtin), in whatever scope it stands."""

    def walk(node: ast.AST, hidden: frozenset[str], of_class: frozenset[str]) -> Iterator[ast.Name]:
        for field, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if not isinstance(child, ast.AST):
                    continue
                if isinstance(child, ast.Name):
                    if child.id not in hidden and child.id not in of_class:
                        yield child
                elif isinstance(child, (*FUNCTIONS, *COMPREHENSIONS)):
                    yield from scope(child, hidden, of_class)
                elif isinstance(child, ast.ClassDef):
                    outer = [*child.decorator_list, *child.bases, *[k.value for k in child.keywords]]
                    for part in outer:
                        yield from walk(ast.Expr(part), hidden, of_class)
                    body = ast.Module(child.body, [])
                    yield from walk(body, hidden, frozenset(bound(body)))
                else:
                    yield from walk(child, hidden, of_class)
            del field

    def scope(node: ast.AST, hidden: frozenset[str], of_class: frozenset[str]) -> Iterator[ast.Name]:
        inner = hidden | bound(node)
        if isinstance(node, COMPREHENSIONS):
            yield from walk(node, inner, of_class)
            return
        # Defaults, decorators and annotations belong to the scope around.
        around = [*node.args.defaults, *[d for d in node.args.kw_defaults if d is not None]]
        around += getattr(node, "decorator_list", [])
        for part in around:
            yield from walk(ast.Expr(part), hidden, of_class)
        body = node.body if isinstance(node.body, list) else [ast.Expr(node.body)]
        yield from walk(ast.Module(body, []), inner, frozenset())

    yield from walk(tree, frozenset(), frozenset())


def imports(tree: ast.AST) -> Iterator[tuple[ast.ImportFrom | ast.Import, ast.alias, str]]:
    """(statement, alias, dotted name of what is imported), absolute imports only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"line {node.lineno}: a relative import; write it in full")
            for alias in node.names:
                yield node, alias, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias, alias.name


def import_text(node: ast.ImportFrom | ast.Import, keep: list[ast.alias]) -> str:
    names = ", ".join(a.name + (f" as {a.asname}" if a.asname else "") for a in keep)
    if not keep:
        return "pass"
    return f"from {node.module} import {names}" if isinstance(node, ast.ImportFrom) else f"import {names}"
