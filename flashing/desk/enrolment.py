"""The signed document for the gateway: made here, brought there by HTTPS or in a file."""

import json
import os
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flashing.desk.cars import Car
from flashing.desk.technician import Technician, kid_of
from flashing.errors import FlashError, Usage
from protocol import cbor
from protocol import enrolment as form
from protocol.errors import Malformed

TIMEOUT_S = 20.0
MAX_ANSWER = 65536

# What the gateway's word for a refusal asks of whoever stands at the workbench; its own text says the rest.
_DO = {
    "area": "ask headquarters to give you that station, or correct the station in the list",
    "technician": "send headquarters your public key; it is in the message",
    "signature": "something between here and the gateway changes what is sent: try another network",
    "taken": 'if this terminal takes the other one\'s place, add --replace-unit "why"',
    "moved": "add --replace-identity: the terminal gets a new key pair, the old one is worth nothing then",
    "revoked": "add --replace-identity: the terminal gets a new key pair",
    "gateway": 'correct "gateway_key": `gateway key --json` at headquarters shows it',
    "entry": "correct the list of cars",
    "rate": "wait a minute, then run the same command again",
    "journal": "run the same command again in a minute; if it stays so, tell headquarters",
}

# X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_DATES = (9, 10)
_SET_CLOCK = "sudo timedatectl set-ntp true"


@dataclass(frozen=True)
class Answer:
    """`result`: enrolled, known, replaced, or "file"."""

    result: str
    technician: str = ""
    replaced: str = ""


def document(
    car: Car, public: bytes, board: str, technician: Technician, reason: str = "", now_ms: int | None = None
) -> bytes:
    """What the gateway wants to have."""
    fields: dict[int, Any] = {
        form.PUBLIC_KEY: public,
        form.DIRECTORATE: car.directorate,
        form.STATION: car.station,
        form.UNIT: car.unit,
        form.VEHICLE: car.vehicle,
        form.CALL_SIGN: car.call_sign,
        form.BOARD: board,
        form.MADE_MS: time.time_ns() // 1_000_000 if now_ms is None else now_ms,
        form.NONCE: os.urandom(16),
        form.GATEWAY: kid_of(bytes.fromhex(car.config["gateway_key"])),
    }
    if reason:
        fields[form.REASON] = reason
    return form.encode(technician.kid, fields, technician.sign)


def post(url: str, ca_file: Path | None, body: bytes, gateway_key: bytes) -> Answer:
    """Bring a document to the gateway. Raises FlashError."""
    address = _address(url)
    context = None
    if address.startswith("https:"):
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise FlashError(
                f"--ca cannot be used: {error}", str(ca_file), "give the authority's PEM file"
            ) from None
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/cose"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
            said = _object(answer.read(MAX_ANSWER), address)
    except urllib.error.HTTPError as error:
        said = _object(error.read(MAX_ANSWER), address)
        code = str(said.get("error", ""))
        if code == "clock":
            raise _wrong_clock(address, str(said.get("text", ""))) from None
        raise FlashError(
            f"the gateway refuses: {said.get('text', error.reason)}",
            address,
            _DO.get(code, "tell headquarters"),
            reason=f"refused-{code or error.code}",
        ) from None
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from None
    told = str(said.get("gateway_key", ""))
    if told != gateway_key.hex():
        raise FlashError(
            "another gateway answers than the one in the configuration",
            address,
            f'"gateway_key" is {gateway_key.hex()[:16]}..., this one has {told[:16]}...: correct one of them',
            reason="gateway-key",
        )
    return Answer(str(said.get("result", "")), str(said.get("technician", "")), str(said.get("replaced", "")))


def add_to_file(path: Path, body: bytes) -> None:
    """The document behind those in the file, in place of an earlier one of the same terminal; whole or not at
    all. Raises FlashError."""
    kept = b""
    own = form.decode(body)[1]
    for old, fields in documents(path):
        if fields[form.PUBLIC_KEY] != own[form.PUBLIC_KEY]:
            kept += old
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb") as file:
            file.write(kept + body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        raise FlashError(f"the enrolment file cannot be written: {error.strerror}", str(path)) from None


def documents(path: Path) -> list[tuple[bytes, dict[int, Any]]]:
    """(bytes, fields) of each; nothing where there is no file. Raises FlashError."""
    if not path.exists():
        return []
    data = path.read_bytes()
    found, at = [], 0
    try:
        while at < len(data):
            end = cbor.decode_prefix(data, at)[1]
            found.append((data[at:end], form.decode(data[at:end])[1]))
            at = end
    except Malformed as error:
        raise FlashError(
            f"the enrolment file holds something else: {error}", str(path), "name another file with --offline"
        ) from None
    return found


def _address(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Usage(f"--gateway {url}: not an address", "give it as https://gateway.example:9684")
    if parts.scheme == "http" and not local:
        raise Usage(f"--gateway {url}: not protected on its way", "give it as https://")
    return url.rstrip("/") if parts.path not in ("", "/") else f"{url.rstrip('/')}/enrol"


def _object(data: bytes, address: str) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise FlashError(
            "something answers there that is not the gateway",
            address,
            "check the address; [enrolment] host and port stand in its gateway.toml",
            reason="gateway",
        )
    return said


def _wrong_clock(address: str, text: str) -> FlashError:
    """`text`: the gateway's, with the time of the document and its own."""
    times = re.findall(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)", text)
    there = f", the gateway's {' '.join(times[1])}" if len(times) > 1 else ""
    return FlashError(
        f"this computer's clock is wrong: it says {_now()}{there} (UTC)",
        address,
        "set it; this does it by the network",
        _SET_CLOCK,
        "refused-clock",
    )


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time()))


def _unreachable(address: str, error: Exception) -> FlashError:
    cause = getattr(error, "reason", error)
    if getattr(cause, "verify_code", 0) in _DATES:
        said = getattr(cause, "verify_message", cause)
        return FlashError(
            f"the gateway's certificate is not valid by this computer's clock ({_now()}): {said}",
            address,
            "look whether the clock is right; this sets it by the network. If it is, tell headquarters",
            _SET_CLOCK,
            "clock",
        )
    if isinstance(cause, ssl.SSLError):
        return FlashError(
            f"the gateway's certificate is not trusted: {getattr(cause, 'verify_message', cause)}",
            address,
            "give its authority's certificate with --ca FILE; never go on without",
            reason="tls",
        )
    return FlashError(
        f"the gateway cannot be reached: {getattr(cause, 'strerror', None) or cause}",
        address,
        "check the network and the address; without a network write a file with --offline FILE and take it "
        "to headquarters (gateway enroll --file FILE)",
        reason="network",
    )
