"""The trees flash.py works on."""

import ast
import gc
import itertools
import threading
import time

from flashing import source

TEXT = "\n".join(f"def f{n}(a, b):\n    return (a + {n}) * (b - {n})" for n in range(200))


def at_once(parse):
    """What four threads that parse meanwhile get wrong. Each collection hands over to the next thread, in the
    middle of a tree, as any finaliser written in Python may."""
    wrong = []

    def work():
        for _ in range(5):
            try:
                parse(TEXT)
            except SystemError as error:
                wrong.append(str(error))

    def hand_over(phase, info):
        time.sleep(0)

    often = gc.get_threshold()
    gc.callbacks.append(hand_over)
    gc.set_threshold(100)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*often)
        gc.callbacks.remove(hand_over)
    return wrong


def test_the_boards_of_a_batch_may_parse_at_once():
    assert at_once(source.parse) == []


def test_and_read_what_a_board_answers_meanwhile():
    answer = repr([(n, "of many", [n] * 5) for n in range(500)])
    both = itertools.cycle((lambda: source.parse(TEXT), lambda: source.value(answer)))
    assert at_once(lambda _: next(both)()) == []


def test_one_tree_is_the_trees_text():
    assert ast.unparse(source.parse("a  =  1")) == "a = 1"
