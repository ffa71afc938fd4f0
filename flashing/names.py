"""Private names become short ones that many share.

On the chip every name the program holds costs RAM, however it is spelled; the compiled bytecode doesn't.
Arguments keep theirs for calls by keyword, attributes for look-up. So arguments that nobody passes by keyword
become a, b, c in every function, and attributes that are only reached through `self` become _a, _b, _c in
every family of classes, and private functions of a module take the same letters once more.
"""

import ast
import builtins
from collections.abc import Iterable, Iterator

from flashing.source import FUNCTIONS, Module, Program, bound, global_names

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PRIVATE_POOL = _LETTERS + _LETTERS.upper()


def shorten(program: Program, entries: Iterable[str] = ()) -> None:
    """Both steps, in place. `entries` are functions called from outside, by keyword perhaps. Lines stay."""
    shorten_arguments(program, set(entries))
    shorten_private(program)


def keyword_names(program: Program) -> set[str]:
    names = set()
    for module in program.modules.values():
        names |= {k.arg for k in ast.walk(module.tree) if isinstance(k, ast.keyword) and k.arg}
    return names


def shorten_arguments(program: Program, entries: set[str]) -> None:
    by_keyword = keyword_names(program)
    for module in program.modules.values():
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name not in entries:
                _shorten_arguments(module, function, by_keyword)
    program.apply()


def _shorten_arguments(module: Module, function: ast.AST, by_keyword: set[str]) -> None:
    nodes = list(ast.walk(function))
    if any(
        isinstance(n, (*FUNCTIONS, ast.ClassDef, ast.Global, ast.Nonlocal)) and n is not function
        for n in nodes
    ):
        return  # scopes in scopes: left as they are
    taken = {n.id for n in nodes if isinstance(n, ast.Name)} | {a.arg for a in function.args.args}
    taken |= {n.name for n in nodes if isinstance(n, ast.ExceptHandler) and n.name}
    free = [letter for letter in _LETTERS if letter not in taken]
    for argument in function.args.args:
        old = argument.arg
        if old == "self" or len(old) == 1 or old in by_keyword or not free:
            continue
        new = free.pop(0)
        module.replace_name(argument, new)
        for node in nodes:
            if isinstance(node, ast.Name) and node.id == old:
                module.replace(node, new)


def shorten_private(program: Program) -> None:
    """Private attributes and methods that are only ever reached through `self` share a few short names:
    those of one family of classes differ, those of two families may be the same."""
    owners, foreign = _private(program)
    everything: set[str] = set()
    for module in program.modules.values():
        everything |= set(_names_in(module.tree)) | {d.name for d in _definitions(module.tree)}
    pool = [name for name in _short_names() if name not in everything]
    for family in _families(program):
        names = sorted(set().union(*(owners[member] for member in family)) - foreign)
        new = {old: pool[i] for i, old in enumerate(names)}
        for module_name, class_name in family:
            module = program.modules[module_name]
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef) and node.name == class_name:
                    _rename_in_class(module, node, new)
    program.apply()


def shorten_globals(texts: dict[str, str], one: str) -> None:
    """Private names at the top of linked modules take names that attributes have already, in place, the short
    ones first: `texts` is {module: text}, `one` the module that the others reach into."""
    modules = {name: Module(name, text) for name, text in texts.items()}
    used = {part for module in modules.values() for part in _names_in(module.tree)}
    # Attributes live in other tables than globals: any of their names will do.
    attributes = {
        part.attr
        for module in modules.values()
        for part in ast.walk(module.tree)
        if isinstance(part, ast.Attribute) and not part.attr.startswith("_")
    }
    for name, module in modules.items():
        taken = {part.id for part in ast.walk(module.tree) if isinstance(part, ast.Name)} | bound(module.tree)
        short = [name for name in _short_names() if name in used]
        others = sorted(attributes - set(dir(builtins)), key=lambda name: (len(name), name))
        free = [name for name in short + others if name not in taken]
        new = dict(zip(sorted(_private_globals(module)), free, strict=False))
        _rename_globals(module, new)
        if name == one:
            for other in modules.values():
                _rename_members(other, one, new)
    for name, module in modules.items():
        module.apply()
        texts[name] = module.text


def _private_globals(module: Module) -> set[str]:
    """Names that only this module's own code can mean; what a string or a `global` says stays."""
    said = {
        n.value for n in ast.walk(module.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    said |= {name for n in ast.walk(module.tree) if isinstance(n, ast.Global) for name in n.names}
    return {name for name in bound(module.tree) if _is_private(name)} - said


def _rename_globals(module: Module, new: dict[str, str]) -> None:
    for node in global_names(module.tree):
        if node.id in new:
            module.replace(node, new[node.id])
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in new:
            module.replace_name(node, new[node.name])


def _rename_members(module: Module, owner: str, new: dict[str, str]) -> None:
    """`owner._name`, as a module apart says it."""
    for part in ast.walk(module.tree):
        if not isinstance(part, ast.Attribute) or part.attr not in new:
            continue
        if isinstance(part.value, ast.Name) and part.value.id == owner:
            module.replace_name(part, new[part.attr])


def _short_names() -> Iterator[str]:
    for letter in _PRIVATE_POOL:
        yield "_" + letter
    for first in _LETTERS:
        for second in _LETTERS:
            yield "_" + first + second


def _definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def _names_in(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.keyword) and part.arg:
            yield part.arg
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _private(program: Program) -> tuple[dict[tuple[str, str], set[str]], set[str]]:
    """({(module, class): its private names}, names that are also reached in another way)."""
    owners: dict[tuple[str, str], set[str]] = {}
    foreign: set[str] = set()
    for module in program.modules.values():
        inside: set[int] = set()
        for node in module.tree.body:
            if not isinstance(node, ast.ClassDef):
                continue
            names = owners.setdefault((module.name, node.name), set())
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    names |= {inner.name} if _is_private(inner.name) else set()
                elif isinstance(inner, ast.Assign):
                    # A class attribute is also a plain name in the class's body.
                    foreign |= {t.id for t in inner.targets if isinstance(t, ast.Name)}
            for part in ast.walk(node):
                if _of_self(part):
                    inside.add(id(part))
                    if _is_private(part.attr):
                        names.add(part.attr)
        for part in ast.walk(module.tree):
            if isinstance(part, ast.Attribute) and id(part) not in inside:
                foreign.add(part.attr)
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                foreign.add(part.value)
    return owners, foreign


def _families(program: Program) -> list[set[tuple[str, str]]]:
    """Classes of the program joined by inheritance."""
    classes = [
        (module.name, node)
        for module in program.modules.values()
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
    ]
    families = {(name, node.name): {(name, node.name)} for name, node in classes}
    for name, node in classes:
        for base in node.bases:
            called = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
            # Two classes of one name cannot be told apart here: then both are family.
            for key in [key for key in families if key[1] == called]:
                joined = families[name, node.name] | families[key]
                for member in joined:
                    families[member] = joined
    return list({id(family): family for family in families.values()}.values())


def _rename_in_class(module: Module, node: ast.ClassDef, new: dict[str, str]) -> None:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name in new:
            module.replace_name(inner, new[inner.name])
    for part in ast.walk(node):
        if _of_self(part) and part.attr in new:
            module.replace_name(part, new[part.attr])


def _of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
