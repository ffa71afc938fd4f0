"""Texts that are raised or logged stand in one; the program says the same, on the same lines."""

import textwrap

from flashing.reach import reached
from flashing.source import program_of
from flashing.texts import gather, mark

PROGRAM = """
    def check(value):
        if value < 0:
            raise ValueError("a negative value: %d" % value)
        if value > 9:
            raise ValueError(
                "a value above nine: "
                "%d" % value
            )
        return "what is returned stays"

    class Speaker:
        def __init__(self, log):
            self._log = log

        def speak(self, text="a default stays as it is"):
            self._log(1, "something happened: %s" % text)
            self._log(1, "short")
            return text
    """


def gathered(**modules):
    program = program_of({name: textwrap.dedent(text) for name, text in modules.items()})
    mark(program)
    texts = {name: module.text for name, module in program.modules.items()}
    gather(texts, "one")
    return texts


def run(text):
    world = {}
    exec(compile(text, "one", "exec"), world)
    return world


def test_what_is_said_is_the_same_and_stands_in_one_text():
    text = gathered(one=PROGRAM)["one"]
    program, *rest = text.split("all_texts = ")
    for said in ("a negative value", "a value above nine", "something happened"):
        assert said not in program and said in rest[0]
    for kept in ("what is returned stays", "a default stays as it is", '"short"'):
        assert kept in program
    world = run(text)
    for value, said in ((-1, "a negative value: -1"), (10, "a value above nine: 10")):
        try:
            world["check"](value)
        except ValueError as error:
            assert str(error) == said
        else:
            raise AssertionError(value)
    heard = []
    speaker = world["Speaker"](lambda level, said: heard.append(said))
    assert speaker.speak() == "a default stays as it is"
    assert heard == ["something happened: a default stays as it is", "short"]


def test_lines_stay_where_they_are():
    before = textwrap.dedent(PROGRAM).splitlines()
    after = gathered(one=PROGRAM)["one"].splitlines()
    for number, line in enumerate(before):
        if line.strip().startswith(("def ", "class ", "return", "if ")):
            assert after[number] == line


def test_a_text_that_is_said_twice_is_kept_once():
    one = 'def f(x):\n    raise KeyError("said twice here")\n'
    text = gathered(one=one + one.replace("f(x)", "g(x)"))
    assert text["one"].count("said twice here") == 1


def test_modules_apart_keep_their_own():
    texts = gathered(one="x = 1\n", two='def f():\n    raise KeyError("only in this one")\n')
    assert texts["two"].count('"only in this one"') + texts["two"].count("'only in this one'") == 1
    assert "piece_of_text" not in texts["two"] and texts["one"] == "x = 1\n"


def test_only_what_is_imported_is_reached():
    sources = {
        "room.__init__": "",
        "room.main": "from room import a\n",
        "room.a": "from room.b import name\n",
        "room.b": "name = 1\n",
        "room.c": "from room import a\n",
    }
    assert set(reached(sources, ["room.main"])) == set(sources) - {"room.c"}
