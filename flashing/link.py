"""Puts the modules of a program into one namespace.

A module costs RAM for itself, its dictionary, its file's name, and every name that it imports: with sixty of
them more than the data they work on. Modules named in `apart` stay what they are; their imports lead into the
one. A global whose name another module, a local variable or a builtin has gets the module's name in front.

A builtin that the program uses often becomes a global of the one: MicroPython looks for it there first, in a
table that is almost full, and then one by one through its own hundred names, 150 looks for a `len`.
"""

import ast
import builtins
import collections
import dataclasses

from flashing.source import (
    COMPREHENSIONS,
    FUNCTIONS,
    Module,
    Program,
    bound,
    global_names,
    import_text,
    imports,
    parse,
)

ONE = "patrola"
_OFTEN = 6  # uses of a builtin in the text from which it is worth a place in the table of globals


class LinkError(Exception):
    """What in the sources stands in the way, and where."""


@dataclasses.dataclass
class Linked:
    """`sources`: {module name: text}. `lines`: where each file begins in the one, for reading tracebacks."""

    sources: dict[str, str]
    lines: list[tuple[int, str]]


def link(program: Program, apart: set[str]) -> Linked:
    packages = {name.rsplit(".", 1)[0] for name in program.modules if "." in name}
    inner = [name for name in _order(program, apart) if name not in packages]
    names = _names(program, inner)
    for name in [*inner, *sorted(apart)]:
        _Rewriter(program.modules[name], names, name in apart).run()
    program.apply()
    lines, texts, at = [], [], 1
    for name in inner:
        text = program.modules[name].text.rstrip("\n") + "\n"
        lines.append((at, name))
        texts.append(text)
        at += text.count("\n")
    sources = {ONE: _own_builtins("".join(texts))}
    for name in sorted(apart | {p for p in packages if any(a.startswith(p + ".") for a in apart)}):
        sources[name] = program.modules[name].text
    return Linked(sources, lines)


def _own_builtins(text: str) -> str:
    """The text with what makes the builtins that it uses often its own, on the first line: no line moves."""
    tree = parse(text)
    if not tree.body or (hasattr(tree.body[0], "body") and tree.body[0].lineno == 1):
        return text
    uses = collections.Counter(node.id for node in global_names(tree) if hasattr(builtins, node.id))
    often = sorted(name for name, count in uses.items() if count >= _OFTEN and name not in bound(tree))
    return "".join(f"{name} = {name}; " for name in often) + text


def _order(program: Program, apart: set[str]) -> list[str]:
    """What the modules apart need, each after those that it imports itself."""
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in done or name in apart or name not in program.modules:
            return
        if name in above:
            raise LinkError(f"modules import each other: {' -> '.join([*above, name])}")
        visit_imports(name, (*above, name))
        done.append(name)

    def visit_imports(name: str, above: tuple[str, ...]) -> None:
        for _, _, what in imports(program.modules[name].tree):
            for needed in (what, what.rsplit(".", 1)[0]):
                if needed != name:
                    visit(needed, above)

    for name in sorted(apart):
        visit_imports(name, ())
    return done


def _names(program: Program, inner: list[str]) -> dict[str, dict[str, str]]:
    """{module: {global: its name in the one}}."""
    taken = set(dir(builtins)) | _locals(program)
    names: dict[str, dict[str, str]] = {}
    for name in inner:
        names[name] = {}
        for own in sorted(_defined(program.modules[name])):
            new = own if own not in taken else f"{name.rsplit('.', 1)[1]}_{own.lstrip('_')}"
            while new in taken:
                new += "_"
            taken.add(new)
            names[name][own] = new
    return names


def _locals(program: Program) -> set[str]:
    """Every name that is bound in some scope below a module, or imported from outside the program."""
    found: set[str] = set()
    for module in program.modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, (*FUNCTIONS, *COMPREHENSIONS)):
                found |= bound(node)
            elif isinstance(node, ast.ClassDef):
                found |= bound(ast.Module(node.body, []))
        for _, alias, what in imports(module.tree):
            if what not in program.modules and what.rsplit(".", 1)[0] not in program.modules:
                found.add((alias.asname or alias.name).split(".")[0])
    return found


def _defined(module: Module) -> set[str]:
    """What the module itself binds, imports apart."""
    found = bound(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            found |= set(node.names)
    return found - {(a.asname or a.name).split(".")[0] for _, a, _ in imports(module.tree)}


class _Rewriter:
    """Gives every global of one module, its own or imported from an inner module, its name in the one."""

    def __init__(self, module: Module, names: dict[str, dict[str, str]], apart: bool) -> None:
        self._module = module
        self._names = names
        self._prefix = ONE + "." if apart else ""
        self._symbols = dict(names.get(module.name, {}))  # name here -> text that means it
        self._modules: dict[str, str] = {}  # name here -> inner module that it means

    def run(self) -> None:
        module = self._module
        imported = False
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                imported = self._import(node) or imported
        if imported and self._prefix:
            module.cut(0, 0, f"import {ONE};")  # on the first line, so that no line moves
        own = {id(node): node for node in global_names(module.tree)}
        for node in own.values():
            text = self._symbols.get(node.id, node.id)
            if text != node.id:
                module.replace(node, text)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and id(node.value) in own:
                if isinstance(node.value, ast.Name) and node.value.id in self._modules:
                    module.replace(
                        node, self._prefix + self._of(self._modules[node.value.id], node.attr, node)
                    )
            elif isinstance(node, ast.Global):
                module.replace(node, "global " + ", ".join(self._symbols.get(n, n) for n in node.names))
        for node in module.tree.body:
            definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if definition and self._symbols.get(node.name, node.name) != node.name:
                module.replace_name(node, self._symbols[node.name])

    def _of(self, origin: str, name: str, node: ast.AST) -> str:
        if name not in self._names[origin]:
            raise LinkError(f"{self._module.name}, line {node.lineno}: {origin} defines no {name}")
        return self._names[origin][name]

    def _import(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Resolve a statement; True when something in it comes from an inner module, and is no import now."""
        outside = []
        for alias in node.names:
            what = alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
            origin = what.rsplit(".", 1)[0]
            if what in self._names:
                self._modules[alias.asname or alias.name] = what
            elif isinstance(node, ast.ImportFrom) and origin in self._names:
                self._symbols[alias.asname or alias.name] = self._prefix + self._of(origin, alias.name, node)
            else:
                outside.append(alias)
        if len(outside) == len(node.names):
            return False
        if node not in self._module.tree.body:
            raise LinkError(f"{self._module.name}, line {node.lineno}: import this at the top of the file")
        self._module.replace(node, import_text(node, outside))
        return True
