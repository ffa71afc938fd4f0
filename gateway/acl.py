"""Command line: who may see and say what at the broker, out of the registry, in the broker's own words.

A rule is (account, topic filter); the formats of brokers are three ways to write the same rules down. What is
not allowed is forbidden.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.administration import opened
from gateway.config import Config
from gateway.journal.base import Transaction
from gateway.journal.offices import ACTIVE, EVERYWHERE, OPERATOR
from gateway.journal.records import REVOKED

Result = tuple[int, dict[str, Any], str]

CENTRE = "operations-centre"
# Where an account may ask for answers (MQTT 5 response topics): outside the prefix, one tree for each.
REPLY = "reply"
# Accounts that are no directorate's and no operator's.
RESERVED = ("gateway", "result", "by")


@dataclass
class Account:
    """What one account may read and write, as MQTT topic filters."""

    name: str
    read: list[str] = field(default_factory=list)
    write: list[str] = field(default_factory=list)


def accounts(tx: Transaction, prefix: str, gateway: str, authorisation: str) -> list[Account]:
    """The gateway, the operations centre, each directorate, each operator."""
    directorates = sorted({t.directorate for t in tx.terminals() if t.state != REVOKED})
    near: dict[str, list[tuple[str, bool]]] = {}
    for pair in tx.neighbours():
        near.setdefault(pair.one, []).append((pair.other, pair.positions))
        near.setdefault(pair.other, []).append((pair.one, pair.positions))
    own = Account(
        gateway,
        [f"{prefix}/+/+/+/command", f"{prefix}/+/+/+/command/by/+", f"{prefix}/replay"],
        [f"{prefix}/#", f"{REPLY}/#"],
    )
    for name in directorates:
        if name in (gateway, CENTRE, *RESERVED):
            raise ValueError(f"directorate {name}: an account at the broker has that name: use another")
    out = {gateway: own}
    out[CENTRE] = _account(CENTRE, [EVERYWHERE], prefix, near, authorisation)
    out[CENTRE].write.append(f"{prefix}/replay")
    for directorate in directorates:
        out[directorate] = _account(directorate, [directorate], prefix, near, authorisation)
    for operator in tx.operators():
        # An operator's name comes first: he may have the account of his directorate, or the centre's.
        if operator.role != OPERATOR:
            continue  # whoever installs terminals needs no broker
        if operator.name == gateway:
            if operator.state == ACTIVE:
                raise ValueError(f"operator {gateway}: that is the gateway's own account (broker.username)")
            continue
        if operator.state == ACTIVE:
            made = _account(operator.name, list(operator.areas), prefix, near, authorisation)
            if operator.name == CENTRE and EVERYWHERE in operator.areas:
                made.write.append(f"{prefix}/replay")  # whoever may ask for one sees everything
            out[operator.name] = made
        elif operator.name not in directorates:
            out.pop(operator.name, None)
    return list(out.values())


def _account(
    name: str, areas: list[str], prefix: str, near: dict[str, list[tuple[str, bool]]], authorisation: str
) -> Account:
    account = Account(name)
    ending = f"command/by/{name}"
    for area in areas:
        levels = ["+", "+", "+"]
        for at, level in enumerate([] if area == EVERYWHERE else area.split("/")):
            levels[at] = level
        unit = "/".join(levels)
        account.read.append(f"{prefix}/#" if area == EVERYWHERE else f"{prefix}/{area}/#")
        account.write.append(f"{prefix}/{unit}/{ending}")
        if authorisation != "broker":
            account.write.append(f"{prefix}/{unit}/command")
        for other, positions in near.get(area.split("/")[0], []):
            account.read.append(f"{prefix}/{other}/+/+/panic")
            if positions:
                account.read.append(f"{prefix}/{other}/+/+/position")
    account.read += [f"{prefix}/gateway/+/state", f"{REPLY}/{name}/#"]
    account.read = list(dict.fromkeys(account.read))
    return account


def mosquitto(made: list[Account]) -> str:
    """An acl_file."""
    lines = ["# acl_file of mosquitto.conf; whoever is not named, or not logged in, may do nothing."]
    for account in made:
        lines += ["", f"user {account.name}"]
        lines += [f"topic read {topic}" for topic in account.read]
        lines += [f"topic write {topic}" for topic in account.write]
    return "\n".join(lines) + "\n"


def nats(made: list[Account]) -> str:
    """An authorization block; passwords come from the environment of nats-server."""
    lines = [
        "# include this file in nats-server.conf. Each password is taken from the server's environment.",
        "authorization {",
        "  users = [",
    ]
    for account in made:
        variable = "PATROLA_" + account.name.upper().replace("-", "_") + "_PASSWORD"
        # Nothing of $MQTT: by the protocol of NATS itself that would be a way to what others are told.
        read = [s for topic in account.read for s in _subjects(topic)]
        write = [s for topic in account.write for s in _subjects(topic)]
        lines += [
            f'    {{ user: "{account.name}", password: ${variable},',
            "      permissions: {",
            f"        subscribe: {{ allow: [{_quoted(read)}] }}",
            f"        publish: {{ allow: [{_quoted(write)}] }}",
            "      } }",
        ]
    return "\n".join([*lines, "  ]", "}"]) + "\n"


def _subjects(topic: str) -> list[str]:
    """As nats-server translates topic filters; `a/#` is `a` as well."""
    levels = [{"+": "*", "#": ">"}.get(level, level) for level in topic.split("/")]
    subjects = [".".join(levels)]
    if levels[-1] == ">":
        subjects.append(".".join(levels[:-1]))
    return subjects


def _quoted(subjects: list[str]) -> str:
    return ", ".join(f'"{subject}"' for subject in dict.fromkeys(subjects))


def emqx(made: list[Account]) -> str:
    """An acl.conf, the file of EMQX's authorization."""
    lines = ["%% authorization source of type file; set authorization.no_match = deny as well."]
    for account in made:
        for action, topics in (("subscribe", account.read), ("publish", account.write)):
            quoted = ", ".join(f'"{topic}"' for topic in topics)
            lines.append(f'{{allow, {{username, "{account.name}"}}, {action}, [{quoted}]}}.')
    return "\n".join([*lines, "{deny, all}."]) + "\n"


WRITERS: dict[str, Callable[[list[Account]], str]] = {"mosquitto": mosquitto, "nats": nats, "emqx": emqx}


def show(config: Config, options: argparse.Namespace) -> Result:
    """The list, to be put where the broker reads it."""
    gateway = config.text("broker.username") or "gateway"
    with opened(config, write=False) as tx:
        made = accounts(tx, config.text("northbound.prefix"), gateway, config.text("commands.authorisation"))
    text = WRITERS[options.broker](made)
    body = {"accounts": [{"name": a.name, "read": a.read, "write": a.write} for a in made], "text": text}
    if options.output is None:
        return 0, body, text.rstrip("\n")
    new = options.output.with_name(f"{options.output.name}.{os.getpid()}.new")
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, options.output)
    except OSError as error:
        raise ValueError(f"--output {options.output}: {error.strerror}") from error
    return 0, body, f"{options.output}: {len(made)} accounts. Let the broker read it: it takes a reload"
