"""How many frames a second a gateway keeps up with: the highest rate at which nothing is left unanswered,
nothing is lost, and answers stay quick. Looked for by doubling, then by halving the distance."""

import math

ANSWER_MS = 500.0  # p99; a queue that grows is far beyond it within seconds
ARRIVAL_MS = 1000.0
_GROW = 1.6
_NEAR = 1.05
_STEPS = 16
# Of the rate that was found in short flights.
_DOWN = (1.0, 0.95, 0.9, 0.75, 0.55, 0.35, 0.2)
_LONG_NEAR, _NEARER = 1.1, 2


def kept_up(document):
    """None, or why this flight was more than the gateway could do."""
    if document["unanswered"]:
        return f"{document['unanswered']} without an answer"
    if document["lost"]:
        return f"{document['lost']} lost"
    for name, limit in (("answer_ms", ANSWER_MS), ("arrival_ms", ARRIVAL_MS)):
        if document[name] is None:
            continue
        p99 = document[name]["all"]["p99"]
        if p99 is None or p99 > limit:
            return f"{name} p99 {p99}, {limit:g} at most"
    return None


def search(fly, start, told=lambda rate, wrong: None, near=_NEAR):
    """(rate, document) of the best flight, with the next worse one no more than `near` times as fast;
    `fly(rate)` gives a document. A rate counts as too high when it was so twice: the machine has other things
    to do as well. Raises ArithmeticError when not even a hundredth of `start` is kept."""

    def tried(rate):
        for _ in range(2):
            document = fly(rate)
            wrong = kept_up(document)
            told(rate, wrong)
            if wrong is None:
                return document
        return None

    low, best, high, rate = 0.0, None, None, float(start)
    for _ in range(_STEPS):
        document = tried(rate)
        if document is not None:
            low, best = rate, document
        else:
            high = rate
        if best is None and rate < start / 100:
            raise ArithmeticError(f"not even {rate:.0f} datagrams a second are kept up with")
        if high is None:
            rate = low * _GROW
        elif best is None:
            rate = high / _GROW
        elif high / low <= near:
            break
        else:
            rate = math.sqrt(low * high)
    return low, best


def confirmed(fly, rate):
    """(rate, document) of the best long flight: at that rate, or, if it was luck, at one a little lower; then
    by larger steps down to a fifth, and by halves. What is kept is brought nearer to what was not, twice.
    Raises ArithmeticError when not even a hundredth is kept."""
    start, high = rate, None
    steps = iter(_DOWN)
    while True:
        rate = start * next(steps, 0) or rate / 2
        if rate < start / 100:
            raise ArithmeticError(f"no long flight was kept up with, down to {high:.0f} datagrams a second")
        document = fly(rate)
        if kept_up(document) is None:
            break
        high = rate
    best = rate, document
    for _ in range(_NEARER):
        if high is None or high / best[0] <= _LONG_NEAR:
            break
        rate = math.sqrt(best[0] * high)
        document = fly(rate)
        if kept_up(document) is None:
            best = rate, document
        else:
            high = rate
    return best
