"""Many modules in one namespace: the same program, and errors that name the place."""

import sys
import textwrap

import pytest

from flashing.link import ONE, LinkError, link
from flashing.source import program_of


def linked(apart=("room.main",), **modules):
    sources = {name.replace("__", "."): textwrap.dedent(text) for name, text in modules.items()}
    sources["room.__init__"] = ""
    return link(program_of(sources), set(apart))


def run(result, name="room.main"):
    """Executes the one, then the module apart, as an import would."""
    one = type(sys)(ONE)
    exec(compile(result.sources[ONE], ONE, "exec"), vars(one))
    sys.modules[ONE] = one
    try:
        world = {}
        exec(compile(result.sources[name], name, "exec"), world)
    finally:
        del sys.modules[ONE]
    return world


def test_names_of_two_modules_do_not_meet():
    result = linked(
        room__a="_LIMIT = 1\ndef _help():\n    return _LIMIT\ndef first():\n    return _help()\n",
        room__b="_LIMIT = 2\ndef _help():\n    return _LIMIT\ndef second():\n    return _help()\n",
        room__main="from room.a import first\nfrom room import b\nanswer = (first(), b.second())\n",
    )
    assert run(result)["answer"] == (1, 2)


def test_a_local_variable_never_hides_a_global_of_another_module():
    result = linked(
        room__a="def count(x):\n    return x + 1\n",
        room__b="from room import a\ndef twice(count):\n    return a.count(count) * 2\n",
        room__main="from room.b import twice\nanswer = twice(3)\n",
    )
    assert run(result)["answer"] == 8


def test_a_local_called_as_an_imported_module_is_the_local():
    result = linked(
        room__a="def f():\n    return 1\n",
        room__b="from room import a\ndef g(x):\n    return a.f() + x\ndef h(a):\n    return a.real\n",
        room__main="from room.b import g, h\nanswer = (g(1), h(7))\n",
    )
    assert run(result)["answer"] == (2, 7)


def test_globals_that_are_assigned_in_functions():
    result = linked(
        room__a="n = 0\ndef add():\n    global n\n    n += 1\n    return n\n",
        room__b="n = 10\n",
        room__main="from room import a, b\nanswer = (a.add(), a.add(), b.n)\n",
    )
    assert run(result)["answer"] == (1, 2, 10)


def test_builtins_and_outside_modules_keep_their_names():
    result = linked(
        room__a="import struct\ndef open():\n    return struct.calcsize('<I')\n",
        room__main="from room import a\nanswer = (a.open(), len('xy'))\n",
    )
    assert run(result)["answer"] == (4, 2)


def test_classes_inherit_over_modules_and_class_bodies_keep_their_own_names():
    result = linked(
        room__a="""
        SIZE = 1
        class Base:
            SIZE = 5
            twice = SIZE * 2
            def size(self):
                return SIZE
        """,
        room__b="""
        from room.a import Base as B
        SIZE = 2
        class Child(B):
            def mine(self):
                return SIZE
        """,
        room__main="from room.b import Child\nanswer = (Child().size(), Child().mine(), Child.twice)\n",
    )
    assert run(result)["answer"] == (1, 2, 10)


def test_only_what_is_reached_is_linked_and_lines_are_told():
    result = linked(
        room__a="A = 1\n\n\n",
        room__b="from room.a import A\nB = A\n",
        room__c="C = 1\n",
        room__main="from room.b import B\n",
    )
    assert result.lines == [(1, "room.a"), (2, "room.b")]
    assert "C = 1" not in result.sources[ONE]


def test_modules_apart_may_be_imported_by_each_other_as_ever():
    result = linked(
        apart=("room.main", "room.config"),
        room__config="from room.a import A\nvalue = A\n",
        room__a="A = 3\n",
        room__main="from room import config\n",
    )
    assert "from room import config" in result.sources["room.main"]
    assert run(result, "room.config")["value"] == 3


def test_a_circle_is_named():
    with pytest.raises(LinkError, match="room.a -> room.b -> room.a"):
        linked(
            room__a="from room import b\n", room__b="from room import a\n", room__main="from room import a\n"
        )


def test_a_name_that_is_not_there_is_named_with_its_line():
    with pytest.raises(LinkError, match="room.main, line 2: room.a defines no g"):
        linked(room__a="def f():\n    return 1\n", room__main="from room import a\na.g()\n")


def test_an_import_inside_a_function_is_refused():
    with pytest.raises(LinkError, match="at the top of the file"):
        linked(room__a="A = 1\n", room__main="def f():\n    from room import a\n    return a.A\n")


def test_a_relative_import_is_refused():
    with pytest.raises(ValueError, match="relative"):
        linked(room__a="from . import b\n", room__main="from room import a\n")
