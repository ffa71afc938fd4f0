"""Who asked for what, how he proved to be that one, and what became of it: kept in the journal."""

import getpass
import json
import os

from gateway.clock import Clock
from gateway.journal.base import Transaction
from gateway.journal.offices import AuditRow
from gateway.requests import Request

# How an actor proved who he is.
LOCAL = "local"  # an account of this machine that may write the journal
SIGNATURE = "signature"  # a key in the registry
BROKER = "broker"  # the broker lets only him publish on this topic
NONE = "none"  # nobody asked for a proof


def account() -> str:
    """Who works at this machine: the account, and whom it stands for when it came by sudo."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {name}" if behind and behind != name else name


def local(
    tx: Transaction, action: str, target: str, result: str = "done", reason: str = "", **details: object
) -> None:
    """Somebody did something at the command line."""
    note(tx, Clock().wall_ms(), account(), LOCAL, action, target, result, reason, **details)


def command(
    tx: Transaction, now_ms: int, request: Request, proof: str, target: str, result: str, reason: str
) -> None:
    """An operator's command, as it was placed or refused."""
    note(
        *(tx, now_ms, request.operator, proof, f"command.{request.name}", target, result, reason),
        id=request.origin,
        panic=request.panic,
        task=request.task,
        text=request.text,
    )


def note(
    tx: Transaction,
    now_ms: int,
    actor: str,
    proof: str,
    action: str,
    target: str,
    result: str,
    reason: str = "",
    **details: object,
) -> None:
    text = json.dumps({k: v for k, v in details.items() if v not in (None, "")}, ensure_ascii=False)
    tx.add_audit(AuditRow(0, now_ms, actor, proof, action, target, result, reason, text))
