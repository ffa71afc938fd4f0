"""Constants of other modules become literals before the program is compiled.

MicroPython's compiler replaces `_NAME = const(1)` within its module and drops the name. A public constant
keeps its name, its slot in the module and one in every module that imports it: about 40 bytes of a small
chip's heap each. Here `from protocol.report import KIND` and `coap.POST` become the number itself,
everywhere, and the definition goes too. Lines stay where they are, so a traceback still names the right one.

Only whole numbers defined once, at the top of a module, are touched: by `const(...)`, or small ones under a
private name.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from flashing.source import Edit, import_text, parse, rewritten

_SMALL = 1 << 30  # what a chip of 32 bits holds without an object


@dataclass
class Module:
    """One source file. `constants` are its own, `names` what it imported: local name -> (module, name)."""

    name: str
    text: str
    tree: ast.Module
    constants: dict[str, int] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)


def squeeze(sources: dict[str, str]) -> dict[str, str]:
    """The program with constants in place. Keys are dotted module names."""
    modules = {name: Module(name, text, parse(text)) for name, text in sources.items()}
    for module in modules.values():
        _read_imports(module)
    _read_constants(modules)
    return {name: rewritten(module.text, _edits(module, modules)) for name, module in modules.items()}


def _read_imports(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                module.names[alias.asname or alias.name] = (node.module, alias.name)


def _read_constants(modules: dict[str, Module]) -> None:
    """Evaluate definitions until nothing new is found: they may be made of each other, across modules."""
    found = True
    while found:
        found = False
        for module in modules.values():
            stored = _stored(module.tree)
            for node in module.tree.body:
                name = _defined(node)
                if name is None or name in module.constants or stored.count(name) != 1:
                    continue
                declared = _is_const(node.value)
                value = _value(node.value.args[0] if declared else node.value, module, modules)
                if value is not None and (declared or abs(value) < _SMALL):
                    module.constants[name] = value
                    found = True


def _stored(tree: ast.Module) -> list[str]:
    """Every name that is assigned anywhere, as often as it is."""
    return [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _defined(node: ast.stmt) -> str | None:
    """The name, when this statement is `NAME = const(...)` or `_NAME = ...`."""
    if not (
        isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    ):
        return None
    name = node.targets[0].id
    return name if _is_const(node.value) or name.startswith("_") else None


def _is_const(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const"


_OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.LShift: lambda a, b: a << b,
    ast.RShift: lambda a, b: a >> b,
    ast.BitOr: lambda a, b: a | b,
    ast.BitAnd: lambda a, b: a & b,
    ast.BitXor: lambda a, b: a ^ b,
}


def _value(node: ast.expr, module: Module, modules: dict[str, Module]) -> int | None:
    """The whole number that an expression stands for, or None."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left, module, modules), _value(node.right, module, modules)
        return None if left is None or right is None else _OPERATORS[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        inner = _value(node.operand, module, modules)
        if inner is None:
            return None
        return -inner if isinstance(node.op, ast.USub) else ~inner
    if isinstance(node, ast.Name):
        return _constant(node.id, module, modules)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return _member(node, module, modules)
    return None


def _constant(name: str, module: Module, modules: dict[str, Module]) -> int | None:
    """Of a name as this module sees it: its own, or imported, also through others."""
    for _ in range(len(modules) + 1):
        if name in module.constants:
            return module.constants[name]
        source, name = module.names.get(name, ("", ""))
        if source not in modules:
            return None
        module = modules[source]
    return None


def _member(node: ast.Attribute, module: Module, modules: dict[str, Module]) -> int | None:
    """Of `coap.POST`, where `coap` is a module of ours."""
    source, name = module.names.get(node.value.id, ("", ""))
    owner = modules.get(f"{source}.{name}")
    return None if owner is None else _constant(node.attr, owner, modules)


def _shadowed(module: Module) -> set[str]:
    """Names that mean something else somewhere in the module: arguments, and whatever is assigned."""
    names = {n.arg for n in ast.walk(module.tree) if isinstance(n, ast.arg)}
    own = set(module.constants)
    return names | {name for name in _stored(module.tree) if name not in own}


def _edits(module: Module, modules: dict[str, Module]) -> Iterator[Edit]:
    shadowed = _shadowed(module)
    definitions = [node for node in module.tree.body if _defined(node) in module.constants]
    for node in definitions:
        yield node, ""
    inside = {id(inner) for node in definitions for inner in ast.walk(node)}
    for node in ast.walk(module.tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in shadowed:
            value = _constant(node.id, module, modules)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            value = _member(node, module, modules) if node.value.id not in shadowed else None
        elif isinstance(node, ast.ImportFrom):
            yield from _import_edit(node, module, modules, shadowed)
            continue
        else:
            continue
        if value is not None:
            yield node, f"({value})" if value < 0 else str(value)


def _import_edit(
    node: ast.ImportFrom, module: Module, modules: dict[str, Module], shadowed: set[str]
) -> Iterator[Edit]:
    kept = [
        alias
        for alias in node.names
        if (alias.asname or alias.name) in shadowed
        or _constant(alias.asname or alias.name, module, modules) is None
    ]
    if len(kept) == len(node.names):
        return
    yield node, import_text(node, kept)
