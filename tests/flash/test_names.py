"""Short names: a program does the same before and after; what might be meant otherwise is left alone."""

import textwrap

from flashing.annotations import strip
from flashing.names import shorten, shorten_globals
from flashing.source import program_of


def shortened(entries=(), **modules):
    program = program_of({name: textwrap.dedent(text) for name, text in modules.items()})
    strip(program)
    shorten(program, entries)
    return {name: module.text for name, module in program.modules.items()}


def run(text):
    namespace = {}
    exec(compile(text, "m", "exec"), namespace)
    return namespace


def test_arguments_become_letters_and_lines_stay():
    before = """
        def area(width: int, height: int = 2) -> int:
            # a comment with width in it
            return width * height
        """
    after = shortened(m=before)["m"]
    assert "def area(a, b = 2)" in after
    assert after.count("\n") == before.count("\n")
    assert run(after)["area"](3) == 6


def test_an_argument_passed_by_keyword_anywhere_keeps_its_name():
    texts = shortened(
        m="def f(first, second):\n    return first - second\n", n="def g(h):\n    h(second=1)\n"
    )
    assert "second" in texts["m"] and "first" not in texts["m"]


def test_entries_keep_their_arguments():
    text = shortened(entries=("install",), m="def install(config, link):\n    return config\n")["m"]
    assert "def install(config, link)" in text


def test_a_letter_in_use_is_not_given_twice():
    text = shortened(m="def f(first, b):\n    a = 1\n    return first + a + b\n")["m"]
    assert run(text)["f"](10, 5) == 16


def test_functions_with_scopes_in_them_are_left_as_they_are():
    source = "def f(first):\n    def g():\n        return first\n    return g()\n"
    assert shortened(m=source)["m"] == source


def test_private_attributes_of_two_families_share_names_and_of_one_differ():
    text = shortened(
        m="""
        class Base:
            def __init__(self):
                self._counter = 1
        class Child(Base):
            def _bump(self):
                self._step = 2
                self._counter += self._step
            def bump(self):
                self._bump()
                return self._counter
        class Other:
            def __init__(self):
                self._unrelated = 7
        """
    )["m"]
    for name in ("_counter", "_bump", "_step", "_unrelated"):
        assert name not in text
    world = run(text)
    assert world["Child"]().bump() == 3
    assert vars(world["Other"]()) == {"_a": 7}


def test_families_reach_over_modules():
    texts = shortened(
        base="class Base:\n    def start(self):\n        self._state = 1\n        return self._go()\n",
        child="from base import Base\nclass Child(Base):\n    def _go(self):\n        return self._state\n",
    )
    world = run(texts["base"])
    exec(texts["child"].replace("from base import Base", ""), world)
    assert world["Child"]().start() == 1


def test_a_private_name_reached_from_outside_self_stays():
    text = shortened(m="class A:\n    def f(self, other):\n        return self._x + other._x + self._y\n")[
        "m"
    ]
    assert "return self._x + a._x + self._a" in text


def test_a_private_name_that_stands_in_a_string_stays():
    text = shortened(
        m='class A:\n    def f(self):\n        self._seen = 1\n        return getattr(self, "_seen")\n'
    )["m"]
    assert run(text)["A"]().f() == 1


def test_class_attributes_stay():
    text = shortened(
        m="class A:\n    _most = 3\n    _all = _most + 1\n    def f(self):\n        return self._all\n"
    )["m"]
    assert run(text)["A"]().f() == 4


def test_annotations_go_with_their_imports():
    text = shortened(
        m="""
        from typing import Any
        class A:
            x: int = 1
            def f(self, a: Any, *b: Any, c: Any = 2) -> Any:
                y: Any = a
                return y
        """
    )["m"]
    assert "Any" not in text and run(text)["A"]().f(5) == 5


def test_private_globals_take_names_that_are_there_already():
    one = "class C:\n    def _a(self):\n        return _double(_TEN)\n\n\n_TEN = [10]\n\n\n"
    one += "def _double(x):\n    return x * 2\n"
    apart = "import one\nanswer = one.C()._a() + one._double([1])\n"
    texts = {"one": one, "apart": apart}
    shorten_globals(texts, "one")
    assert ("_double" in texts["one"]) + ("_TEN" in texts["one"]) == 1, "one name was free: _a"
    world = run(texts["one"])
    assert world["C"]()._a() == [10, 10]
    used = "_a" if "_double" not in texts["one"] else "_double"
    assert f"one.{used}([1])" in texts["apart"]


def test_a_private_global_that_is_said_in_a_string_keeps_its_name():
    texts = {"one": "x._a\n_kept = 1\nwhere = '_kept'\n"}
    shorten_globals(texts, "one")
    assert "_kept = 1" in texts["one"]


def test_when_the_short_names_are_used_up_a_global_takes_any_attribute_s_name():
    one = "class C:\n    def upper(self):\n        return _double(2)\n\n\n"
    one += "def _double(x):\n    return 2 * x\n\n\n"
    texts = {"one": one + "text = 'a'.upper() + str(C().upper())\n"}
    shorten_globals(texts, "one")
    assert "def upper(x)" in texts["one"] and "_double" not in texts["one"]
    assert run(texts["one"])["text"] == "A4"


def test_a_local_name_and_a_builtin_are_not_taken():
    texts = {"one": "def _double(x):\n    upper = x.upper() + str(x.print)\n    return upper\n"}
    shorten_globals(texts, "one")
    assert "def _double(" in texts["one"]
