"""A plain gateway on `aiocoap`, for comparison; runs in the peers' environment, in a process of its own.

    python peers_gateway.py FOLDER BROKER_PORT

FOLDER has contexts.json: [{"kid", "public_key", "oscore_id", "secret", "salt"}] in hex. It takes `POST /f`,
checks every frame's signature, stores what is new in SQLite with FULL sync, answers 2.04 after the commit and
publishes frame and GeoJSON with QoS 1. To be no straw man it commits in groups, on a thread, finds a context
in one look-up, keeps replay windows in memory only, and has two settings without which it breaks down under
load (see `steady`); what it lacks (registry, repeats after a crash, relay from the journal, panics, commands)
costs it nothing.

Prints `ready PORT`; ends with standard input.
"""

import asyncio
import gc
import io
import json
import queue
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path

import aiocoap
import cbor2
from aiocoap import oscore, oscore_sitewrapper, resource
from aiocoap.numbers.constants import TransportTuning
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

ECDSA = ec.ECDSA(SHA256())
KINDS = {1: "position", 2: "status", 3: "panic", 4: "health"}


class Context(oscore.CanProtect, oscore.CanUnprotect, oscore.SecurityContextUtils):
    """One terminal's, in memory."""

    def __init__(self, oscore_id, secret, salt):
        self.alg_aead = oscore.algorithms[oscore.DEFAULT_ALGORITHM]
        self.hashfun = oscore.hashfunctions[oscore.DEFAULT_HASHFUNCTION]
        self.sender_id = b"\x01"
        self.recipient_id = oscore_id
        self.id_context = None
        self.sender_sequence_number = 0
        self.echo_recovery = None
        self.derive_keys(salt, secret)
        self.recipient_replay_window = oscore.ReplayWindow(64, lambda: None)
        self.recipient_replay_window.initialize_empty()

    def post_seqnoincrease(self):
        pass


class Contexts(dict):
    """By OSCORE id; aiocoap's own map tries one after the other."""

    def find_oscore(self, unprotected):
        return self[unprotected[oscore.COSE_KID]]


class Store:
    """Commits whatever waits together; `put` returns which rows were new, when they are durable."""

    def __init__(self, path):
        self._path = path
        self._waiting = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    async def put(self, rows):
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._waiting.put((rows, loop, done))
        return await done

    def _run(self):
        db = sqlite3.connect(self._path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(
            "CREATE TABLE frames (id INTEGER PRIMARY KEY, kid BLOB, boot INTEGER, seq INTEGER, kind INTEGER, "
            "stored_ms INTEGER, frame BLOB, UNIQUE (kid, boot, seq))"
        )
        while True:
            group = [self._waiting.get()]
            while not self._waiting.empty() and len(group) < 512:
                group.append(self._waiting.get())
            db.execute("BEGIN IMMEDIATE")
            results = [[self._insert(db, row) for row in rows] for rows, _, _ in group]
            db.execute("COMMIT")
            for (_, loop, done), result in zip(group, results, strict=True):
                loop.call_soon_threadsafe(_give, done, result)

    def _insert(self, db, row):
        done = db.execute(
            "INSERT INTO frames (kid, boot, seq, kind, stored_ms, frame) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            row,
        )
        return done.rowcount > 0


def _give(done, result):
    if not done.done():  # aiocoap cancels what the same token asks for again
        done.set_result(result)


class Frames(resource.Resource):
    def __init__(self, keys, store, client):
        super().__init__()
        self._keys = keys
        self._store = store
        self._client = client

    async def render_post(self, request):
        now_ms = int(time.time() * 1000)
        rows, reports = [], []
        stream = io.BytesIO(request.payload)
        while stream.tell() < len(request.payload):
            begin = stream.tell()
            protected, _, payload, signature = cbor2.load(stream).value
            kid = cbor2.loads(protected)[4]
            signed = cbor2.dumps(["Signature1", protected, b"", payload])
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            try:
                self._keys[kid].verify(encode_dss_signature(r, s), signed, ECDSA)
            except (KeyError, InvalidSignature):
                return aiocoap.Message(code=aiocoap.BAD_REQUEST)
            report = cbor2.loads(payload)
            frame = request.payload[begin : stream.tell()]
            rows.append((kid, report[0], report[1], report[3], now_ms, frame))
            reports.append(report)
        new = await self._store.put(rows)
        for row, report, is_new in zip(rows, reports, new, strict=True):
            if is_new:
                self._publish(row, report)
        return aiocoap.Message(code=aiocoap.CHANGED, payload=cbor2.dumps({0: now_ms, 1: 3}))

    def _publish(self, row, report):
        kid, boot, seq, kind, now_ms, frame = row
        topic = f"patrola/v1/load/st-0/{kid.hex()}"
        self._client.publish(f"{topic}/frame", frame, 1, properties=named("application/cose"))
        fix = report.get(4)
        feature = {
            "type": "Feature",
            "id": f"{kid.hex()}/{boot}/{seq}",
            "geometry": fix and {"type": "Point", "coordinates": [fix[1] / 1e7, fix[0] / 1e7, fix[2] / 10]},
            "properties": {
                "kid": kid.hex(),
                "boot": boot,
                "seq": seq,
                "time_ms": report.get(2),
                "received_ms": now_ms,
                "kind": KINDS[kind],
                "status": report.get(5),
                "panic": (report.get(6) or {}).get(0),
            },
        }
        payload = json.dumps(feature).encode()
        self._client.publish(f"{topic}/{KINDS[kind]}", payload, 1, properties=named("application/geo+json"))


def named(content_type):
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = content_type
    return properties


def connected(port):
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(256)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def public(xy):
    x, y = int.from_bytes(xy[:32], "big"), int.from_bytes(xy[32:], "big")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def steady():
    """What is later than 0.1 s aiocoap acknowledges with an empty message and answers in another, repeated
    until that is acknowledged; and it looks through all of these for each that ends. After one late commit
    there were more of them than the server could do, for good. And it keeps every message for 247 s (RFC 7252
    4.8.2), a hundred thousand and more: a full collection of them stopped it for up to 2.6 s."""
    TransportTuning.EMPTY_ACK_DELAY = 60.0
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 1000)


async def main():
    folder = Path(sys.argv[1])
    rows = [
        {name: bytes.fromhex(value) for name, value in row.items()}
        for row in json.loads(folder.joinpath("contexts.json").read_text())
    ]
    keys = {row["kid"]: public(row["public_key"]) for row in rows}
    contexts = Contexts(
        {row["oscore_id"]: Context(row["oscore_id"], row["secret"], row["salt"]) for row in rows}
    )
    site = resource.Site()
    store = Store(folder / "frames.sqlite")
    site.add_resource(["f"], Frames(keys, store, connected(int(sys.argv[2]))))
    port = free_port()
    wrapped = oscore_sitewrapper.OscoreSiteWrapper(site, contexts)
    context = await aiocoap.Context.create_server_context(wrapped, bind=("127.0.0.1", port))
    steady()
    print(f"ready {port}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await context.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
