"""MicroPython compiles annotations away, but not the imports that are there for them: here both go."""

import ast

from flashing.source import Module, Program, import_text


def strip(program: Program) -> None:
    """In place. Lines stay where they are."""
    for module in program.modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                _strip_function(module, node)
            elif isinstance(node, ast.AnnAssign):
                if node.value is None:
                    module.replace(node, "pass")
                else:
                    module.cut(module.span(node.target)[1], module.span(node.annotation)[1], "")
    program.apply()
    for module in program.modules.values():
        _drop_imports(module)
    program.apply()


def _strip_function(module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    if node.returns is not None:
        arrow = module.rfind("->", module.span(node.returns)[0])
        module.cut(arrow, module.span(node.returns)[1], "")
    arguments = node.args
    for argument in [*arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if argument is not None and argument.annotation is not None:
            begin = module.span(argument)[0] + len(argument.arg.encode())
            module.cut(begin, module.span(argument.annotation)[1], "")


def _drop_imports(module: Module) -> None:
    used = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
    for node in module.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            keep = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in used]
            if len(keep) < len(node.names):
                module.replace(node, import_text(node, keep))
