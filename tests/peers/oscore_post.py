"""Runs in the peers' environment: `aiocoap` posts over OSCORE and prints what it got.

    python oscore_post.py URI CONTEXT_FOLDER < payload

Prints one line of JSON: {"code": "2.04", "payload": hex, "protected": whether OSCORE vouches for the answer}.
"""

import asyncio
import json
import sys

import aiocoap
from aiocoap.oscore import NotAProtectedMessage


async def main() -> int:
    uri, folder = sys.argv[1:3]
    context = await aiocoap.Context.create_client_context()
    context.client_credentials.load_from_dict({uri.rsplit("/", 1)[0] + "/*": {"oscore": {"basedir": folder}}})
    request = aiocoap.Message(code=aiocoap.POST, uri=uri, payload=sys.stdin.buffer.read())
    protected = True
    try:
        response = await asyncio.wait_for(context.request(request).response, 20)
    except NotAProtectedMessage as error:
        response, protected = error.plain_message, False
    answer = {"code": response.code.dotted, "payload": response.payload.hex(), "protected": protected}
    print(json.dumps(answer))
    await context.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
