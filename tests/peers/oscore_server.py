"""Runs in the peers' environment: an `aiocoap` OSCORE server with `POST /f` and an observable `GET /c`.

    python oscore_server.py CONTEXT_FOLDER

Prints `ready PORT`, then one line of JSON for each request that passed OSCORE; ends with standard input.
"""

import asyncio
import json
import socket
import sys

import aiocoap
from aiocoap import oscore_sitewrapper, resource
from aiocoap.credentials import CredentialsMap


def say(**fields) -> None:
    print(json.dumps(fields), flush=True)


class Frames(resource.Resource):
    async def render_post(self, request):
        say(path="f", payload=request.payload.hex())
        return aiocoap.Message(code=aiocoap.CHANGED, payload=bytes.fromhex("a200000103"))


class Commands(resource.ObservableResource):
    """Changes once, half a second after somebody begins to observe."""

    def __init__(self):
        super().__init__()
        self.version = 0

    async def add_observation(self, request, serverobservation):
        await super().add_observation(request, serverobservation)
        asyncio.get_running_loop().call_later(0.5, self.change)

    def change(self):
        self.version += 1
        self.updated_state()

    async def render_get(self, request):
        say(path="c", observe=request.opt.observe, version=self.version)
        return aiocoap.Message(
            payload=bytes([0x80]) if not self.version else bytes.fromhex("81a2000701021a00000001")
        )


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def main() -> int:
    credentials = CredentialsMap()
    credentials.load_from_dict({":terminal": {"oscore": {"basedir": sys.argv[1]}}})
    site = resource.Site()
    site.add_resource(["f"], Frames())
    site.add_resource(["c"], Commands())
    wrapped = oscore_sitewrapper.OscoreSiteWrapper(site, credentials)
    port = free_port()
    context = await aiocoap.Context.create_server_context(wrapped, bind=("127.0.0.1", port))
    print(f"ready {port}", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    await context.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
