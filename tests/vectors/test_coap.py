# runs on: both
"""CoAP: the flows of RFC 7252, options as libcoap tests them, and the framing of RFC 9668.

What client and server do in these flows: tests/protocol/test_exchange_flows.py and test_responder.py.
"""

from binascii import unhexlify

from protocol import cbor, coap, oscore
from protocol.coap import ACK, CON, NON, RST
from protocol.errors import Malformed
from tests.portable import Tally, load_json, raises, skip, vector_files, vectors

TYPES = {"CON": CON, "NON": NON, "ACK": ACK, "RST": RST}


def files(folder, field):
    found = []
    for name in vector_files(folder, ".json"):
        data = load_json(vectors(name))
        if field in data:
            found.append((name, data))
    if not found:
        skip("no vectors with the field " + field)
    return found


def check_message(stated):
    data = unhexlify(stated["hex"])
    message = coap.decode(data)
    assert message.type == TYPES[stated["type"]], stated
    assert coap.code_text(message.code) == stated["code"], stated
    assert message.message_id == stated["mid"], stated
    assert message.token == unhexlify(stated["token"]), stated
    assert message.payload == stated.get("payload", "").encode(), stated
    assert message.path() == "/" + stated.get("uri_path", ""), stated
    assert message.encode() == data, stated


def test_flows_of_rfc_7252_appendix_a():
    for name, data in files("coap", "flows"):
        with Tally(name) as tally:
            for flow in data["flows"]:
                sizes = []
                for stated in flow["messages"]:
                    if "hex" in stated:  # the others are events: the client crashed
                        check_message(stated)
                        sizes.append(len(unhexlify(stated["hex"])))
                        tally.ran += 1
                assert sizes == flow.get("stated_sizes", sizes), flow["title"]


def row_bytes(row):
    if "hex" in row:
        return unhexlify(row["hex"])
    data = unhexlify(row["hex_prefix"])
    return data + bytes(row["pad_to_len_with_00"] - len(data))


def check_option(row):
    data = row_bytes(row)
    if row["expect"] == "reject":
        with raises(Malformed):
            coap.decode_options(data)
        return
    # The table has single options, some with bytes behind them that belong to nothing.
    delta, at = coap._read_extended(data, 1, data[0] >> 4)
    length, at = coap._read_extended(data, at, data[0] & 15)
    assert (delta, length) == (row["delta"], row["length"]), row
    options, payload = coap.decode_options(data[: at + length])
    assert options[0][0] == delta and len(options[0][1]) == length and payload == b"", row


def test_options_of_libcoap():
    for name, data in files("coap", "encode_header"):
        with Tally(name) as tally:
            for row in data["parse"]:
                check_option(row)
                tally.ran += 1
            for row in data["encode_header"]:
                head = unhexlify(row["hex"])
                made = coap.encode_options([(row["delta"], bytes(row["length"]))])
                assert made[: len(head)] == head and len(made) == len(head) + row["length"], row
                tally.ran += 1


def test_combined_request_of_rfc_9668():
    """Its framing; its ciphertext stands there as an example and cannot be opened."""
    for name, case in files("edhoc", "protected_coap_request"):
        with Tally(name) as tally:
            data = unhexlify(case["protected_coap_request"])
            message = coap.decode(data)
            assert message.encode() == data
            assert message.option(case["edhoc_option_number"]) == unhexlify(case["edhoc_option_value"])
            assert message.option(coap.OSCORE) == unhexlify(case["oscore_option"])
            assert oscore.peek(message) == (b"\x01", None, b"\x00")
            sent, end = cbor.decode_prefix(message.payload)
            assert cbor.encode(sent) == unhexlify(case["message_3"]) == message.payload[:end]
            assert message.payload[end:] == unhexlify(case["oscore_ciphertext"])
            tally.ran += 1
