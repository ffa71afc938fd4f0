"""The test record: JSON that a technician has signed, and the same on one page for people.

`{"record": {...}, "jws": "header..signature"}`: a detached JWS (RFC 7515, appendix F) with ES256 over the
record as JSON with sorted keys and no blanks, in UTF-8. The header names the key: the first 8 bytes of its
SHA-256 over X || Y.
"""

import base64
import json
from html import escape
from typing import Any

import segno

from flashing.desk import label
from flashing.desk.technician import Technician, verify

_TYPE = "patrola-test+json"


def signed(record: dict[str, Any], technician: Technician) -> dict[str, Any]:
    """The document to keep."""
    header = _b64(_canonical({"alg": "ES256", "kid": technician.kid.hex(), "typ": _TYPE}))
    signature = technician.sign(f"{header}.{_b64(_canonical(record))}".encode())
    return {"record": record, "jws": f"{header}..{_b64(signature)}", "public_key": technician.public.hex()}


def check(document: dict[str, Any], public: bytes) -> bool:
    """Did the one with this public key sign exactly this record?"""
    try:
        header, empty, signature = str(document["jws"]).split(".")
        told = json.loads(_unpack(header))
        good = not empty and told.get("alg") == "ES256" and told.get("typ") == _TYPE and "crit" not in told
        body = f"{header}.{_b64(_canonical(document['record']))}".encode()
        return bool(good) and verify(public, body, _unpack(signature))
    except (KeyError, ValueError, AttributeError):
        return False


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpack(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)


_STYLE = """
@page { size: A4; margin: 15mm }
body { font: 10.5pt/1.4 system-ui, sans-serif; max-width: 180mm; margin: 8mm auto; color: #111 }
header { display: flex; justify-content: space-between; align-items: flex-start; gap: 8mm }
h1 { font-size: 20pt; margin: 0 }
h1 small { font-size: 11pt; font-weight: normal; display: block; color: #444 }
.verdict { display: inline-block; padding: 1mm 4mm; border: .6mm solid; border-radius: 1mm; font-weight: 600 }
.good { color: #0a5c2b } .failed { color: #a11 } .skipped { color: #666 }
table { border-collapse: collapse; width: 100%; margin: 4mm 0 }
td, th { text-align: left; vertical-align: top;
padding: 1mm 2mm; border-bottom: .2mm solid #bbb } th { font-weight: 600; white-space: nowrap }
code { font: 9pt ui-monospace, monospace; word-break: break-all }
svg { width: 26mm; height: 26mm; flex: none }
footer { font-size: 8.5pt; color: #444 }
"""


def page(document: dict[str, Any]) -> str:
    """One page of A4 that needs nothing else; what a browser prints of it is the paper for the folder."""
    record = document["record"]
    public = bytes.fromhex(record["public_key"])
    code = segno.make(
        label.text(bytes.fromhex(record["kid"]), public, record["unit"]), error="q", micro=False
    )
    verdict = "good" if record["passed"] else "failed"
    about = [
        ("Terminal", record["kid"]),
        ("Board", f"{record['board']}, chip {record['chip']}"),
        ("Program", record["version"]),
        ("Tested", f"{record['began']} to {record['ended']}"),
        ("Technician", f"key {_kid(document)}"),
    ]
    rows = "".join(
        f"<tr><th>{escape(step['name'])}</th><td class={step['result']}>{step['result']}</td>"
        f"<td>{escape(step['text'])}{_do(step)}</td></tr>"
        for step in record["steps"]
    )
    facts = "".join(f"<tr><th>{name}</th><td><code>{escape(value)}</code></td></tr>" for name, value in about)
    picture = code.svg_inline(border=0, omitsize=True)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Test of {escape(record["unit"])}</title>
<style>{_STYLE}</style></head><body>
<header><div><h1>{escape(record["unit"].split("/")[-1])}<small>{escape(record["unit"])}</small></h1>
<p class="verdict {verdict}">{"passed" if record["passed"] else "not passed"}</p></div>{picture}</header>
<table>{facts}</table>
<table><tr><th>Step</th><th>Result</th><th>What was found</th></tr>{rows}</table>
<footer>Signed: <code>{escape(document["jws"])}</code></footer>
</body></html>
"""


def _do(step: dict[str, Any]) -> str:
    return f"<br><b>Do:</b> {escape(step['do'])}" if step["do"] else ""


def _kid(document: dict[str, Any]) -> str:
    header = json.loads(_unpack(str(document["jws"]).split(".")[0]))
    return escape(str(header["kid"]))
