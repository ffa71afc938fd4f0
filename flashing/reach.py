"""Which modules a program is made of: those that its entries import, and what these import in turn.

`protocol/` serves the gateway too. What only the gateway's modules mention would otherwise look needed when
`shake` looks for what nobody mentions.
"""

from collections.abc import Iterable

from flashing.source import imports, parse


def reached(sources: dict[str, str], entries: Iterable[str]) -> dict[str, str]:
    """The sources that `entries` need, themselves and their packages included. Keys are dotted names; a
    package is called `room.__init__`."""
    found: dict[str, str] = {}
    todo = list(entries)
    while todo:
        name = todo.pop()
        name = name if name in sources else f"{name}.__init__"
        if name in found or name not in sources:
            continue
        found[name] = sources[name]
        todo.append(name.rsplit(".", 1)[0])
        for _, _, what in imports(parse(sources[name], name)):
            todo += [what, what.rsplit(".", 1)[0]]
    return {name: sources[name] for name in sources if name in found}
