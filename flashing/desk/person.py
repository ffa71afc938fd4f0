"""Whoever stands at the workbench: somebody who reads and types, or a program that moves a test jig.

A jig is a command that reads one JSON object a line and answers one a line:

    {"do": "press", "key": "panic", "hold_ms": 1500}     {"done": true}
    {"do": "look", "at": "red", "choices": ["red", "green", "none"]}     {"answer": "red"}
    {"do": "say", "text": "..."}     (no answer)
"""

import json
import shlex
import subprocess
import sys
from typing import Any, Protocol, TextIO

from flashing.errors import FlashError, Usage


class Person(Protocol):
    def say(self, text: str) -> None: ...

    def press(self, key: str, hold_ms: int) -> None:
        """Ask for it; returns at once, the board sees whether it is done."""

    def look(self, at: str, question: str, choices: tuple[str, ...]) -> str:
        """What is seen or heard, one of `choices`."""


class Technician:
    """Somebody with a keyboard."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def press(self, key: str, hold_ms: int) -> None:
        name = key.upper().replace("_", " ")
        if hold_ms >= 1000:
            self.say(f"  >> hold {name} down for {hold_ms / 1000:.0f} seconds")
        else:
            self.say(f"  >> press {name}")

    def look(self, at: str, question: str, choices: tuple[str, ...]) -> str:
        letters = {choice[0]: choice for choice in choices}
        offered = "/".join(f"{choice[0]}={choice}" for choice in choices)
        while True:
            print(f"  >> {question} [{offered}] ", end="", file=self._out, flush=True)
            line = sys.stdin.readline()
            if not line:
                raise Usage("there is nobody to answer", "run it at a terminal, or with --jig COMMAND")
            answer = line.strip().lower()
            if answer[:1] in letters and (len(answer) == 1 or answer == letters[answer[0]]):
                return letters[answer[0]]


class Jig:
    """A command that does it."""

    def __init__(self, command: str) -> None:
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
        except (OSError, ValueError) as error:
            raise Usage(
                f"--jig {command}: cannot be started: {error}", "give a command that is there"
            ) from None
        self._command = command

    def say(self, text: str) -> None:
        self._tell({"do": "say", "text": text})

    def press(self, key: str, hold_ms: int) -> None:
        self._ask({"do": "press", "key": key, "hold_ms": hold_ms})

    def look(self, at: str, question: str, choices: tuple[str, ...]) -> str:
        answer = self._ask({"do": "look", "at": at, "choices": list(choices)}).get("answer")
        if answer not in choices:
            raise self._odd(f"answered {answer!r} to {at}, not one of {', '.join(choices)}")
        return str(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._odd("has ended") from None

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        self._tell(order)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            answer = json.loads(line)
        except ValueError:
            raise self._odd(f"answered {line[:60]!r}" if line else "has ended") from None
        return answer if isinstance(answer, dict) else {}

    def _odd(self, what: str) -> FlashError:
        return FlashError(f"the jig {what}", self._command, "mend the jig; docs/technician.md has its words")
