"""`POST /enrol`: a technician's signed document comes in over HTTPS, the gateway's public key goes out.

Nothing but the signature in the document says who asks: there is no password that could be guessed, and no
session. Off unless the configuration names an address.
"""

import json
import ssl
from collections import OrderedDict

from gateway import enrolment_document
from gateway.clock import Clock
from gateway.config import Config
from gateway.datagram import ListenError
from gateway.enrolment_document import FRESH_MS, REFUSED, Outcome, Unproven
from gateway.floodgate import Bucket
from gateway.http import JSON, HttpServer, Page
from gateway.journal.base import Journal, JournalError, Transaction
from gateway.key import GatewayKey
from gateway.log import Log
from gateway.refusals import Refusals
from protocol.enrolment import MAX_DOCUMENT

PATH = "/enrol"
MAX_HOSTS = 1024
# A batch of boards is enrolled in one go.
BURST = 30


class EnrolmentPost:
    """The registry in memory follows the journal by itself, here and at other nodes."""

    def __init__(self, config: Config, journal: Journal, own: GatewayKey, log: Log, clock: Clock) -> None:
        self._config = config
        self._journal = journal
        self._own = own
        self._log = log
        self._clock = clock
        self._hosts: OrderedDict[str, Bucket] = OrderedDict()
        self.refusals = Refusals(log, clock, config.whole("security.refusal_log_s"), "enrolment.refused")
        self._server = HttpServer({}, {PATH: self._post}, MAX_DOCUMENT)

    @property
    def address(self) -> tuple[str, int]:
        return self._server.address

    async def listen(self) -> None:
        """Raises ListenError."""
        config = self._config
        host, port = config.text("enrolment.host"), config.whole("enrolment.port")
        certificate = config.text("enrolment.certificate_file")
        try:
            context = None
            if certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(certificate, config.text("enrolment.key_file"))
        except OSError as error:  # ssl.SSLError is one
            keys = "enrolment.certificate_file, enrolment.key_file"
            do = "both must be PEM, readable by us, and belong together"
            raise ListenError(f"cannot be used: {error.strerror or error}", keys, do) from error
        try:
            await self._server.listen(host, port, context)
        except OSError as error:
            raise ListenError(
                f"cannot listen on {host}:{port}: {error.strerror or error}",
                "enrolment.host, enrolment.port",
                "stop whoever uses it (ss -tlpn shows), or choose another",
            ) from error

    async def close(self) -> None:
        self.refusals.sweep(ending=True)
        await self._server.close()

    async def _post(self, body: bytes, host: str) -> Page:
        if not self._admit(host):
            self.refusals.note(host, "rate", "429")
            return _page(429, {"error": "rate", "text": "too many documents from here: wait a minute"})
        now_ms = self._clock.wall_ms()

        def work(tx: Transaction) -> Outcome:
            return enrolment_document.take(tx, body, self._own, now_ms, FRESH_MS)

        try:
            # First beside the writers: what a stranger sends costs them nothing.
            await self._journal.read(lambda tx: enrolment_document.prove(tx, body))
            done = await self._journal.write(work)
        except Unproven as error:
            self.refusals.note(host, error.code, "4xx", str(error))
            status = 400 if error.code == "malformed" else 401
            return _page(status, {"error": error.code, "text": str(error)})
        except JournalError as error:
            self._log.error("enrolment.unstored", error=str(error))
            return _page(503, {"error": "journal", "text": "the gateway cannot store it now: try again"})
        about = {"kid": done.kid.hex(), "unit": done.unit, "technician": done.technician}
        if done.result == REFUSED:
            self.refusals.note(done.technician, done.code, "409", done.text)
            more = {"holder": done.holder.hex()} if done.holder else {}
            status = 403 if done.code == "area" else 409
            return _page(status, {"error": done.code, "text": done.text, **about, **more})
        self._log.info("terminal.enrolled", result=done.result, **about)
        answer = {"result": done.result, "state": done.state, **about, "gateway_key": self._own.public.hex()}
        if done.holder:
            answer["replaced"] = done.holder.hex()
        return _page(200, answer)

    def _admit(self, host: str) -> bool:
        now_ms = self._clock.mono_ms()
        bucket = self._hosts.pop(host, None)
        if bucket is None:
            bucket = Bucket(self._config.whole("enrolment.rate") / 60, BURST, now_ms)
            if len(self._hosts) >= MAX_HOSTS:
                self._hosts.popitem(last=False)
        self._hosts[host] = bucket
        return bucket.take(now_ms)


def _page(status: int, body: dict[str, str]) -> Page:
    return Page(status, json.dumps(body, ensure_ascii=False).encode() + b"\n", JSON)


async def open_post(
    config: Config, journal: Journal, own: GatewayKey | None, log: Log, clock: Clock
) -> EnrolmentPost | None:
    """None when it is off, or without the gateway's own key, which is said elsewhere. Raises ListenError."""
    if not config.text("enrolment.host") or own is None:
        return None
    post = EnrolmentPost(config, journal, own, log, clock)
    await post.listen()
    log.info(
        "enrolment.open", address=list(post.address), tls=bool(config.text("enrolment.certificate_file"))
    )
    return post
