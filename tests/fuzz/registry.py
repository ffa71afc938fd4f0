"""Every target: one reader of outside bytes, with the oracle that judges it.

A target is a function of a module in `tests/fuzz/readers/`, bytes in. It returns what it understood as bytes,
or None when the reader refused its input as documented; ANY exception that comes out of it is a finding, and
so is more time or memory than its input can be worth. Both Pythons read this file.
"""

# Runs on: both Pythons, which must understand the same; both, each by itself (their JSON differs in what it
# lets pass, their dictionaries in order); CPython alone.
BOTH = "both"
APART = "apart"
CPYTHON = "cpython"

# name: (module in tests/fuzz/readers, where it runs, longest input, runs in the short round)
TARGETS = {
    "nmea_stream": ("nmea", BOTH, 600, 1600),
    "nmea_sentence": ("nmea", BOTH, 400, 1600),
    "nmea_fields_exact": ("nmea", BOTH, 64, 3200),
    "lines_stream": ("at", BOTH, 300, 1600),
    "at_stream": ("at", BOTH, 600, 1600),
    "at_line": ("at", BOTH, 256, 1600),
    "at_gnss": ("at", BOTH, 200, 2400),
    "utf8": ("text", BOTH, 64, 2400),
    "cbor_decode": ("cbor", BOTH, 1200, 2400),
    "cbor_skip": ("cbor", BOTH, 1200, 2400),
    "cbor_sequence": ("cbor", BOTH, 600, 1600),
    "cbor_value": ("cbor", BOTH, 300, 1600),
    "cose_read": ("cose", BOTH, 600, 1600),
    "cose_frame": ("cose", BOTH, 300, 1200),
    "suit_envelope": ("suit", BOTH, 600, 600),
    "suit_manifest": ("suit", BOTH, 400, 600),
    "update_said": ("suit", BOTH, 100, 1600),
    "report_decode": ("report", BOTH, 400, 1600),
    "report_fields": ("report", BOTH, 200, 1600),
    "coap_datagram": ("coap", BOTH, 1200, 2400),
    "coap_options": ("coap", BOTH, 600, 1600),
    "exchange_client": ("exchanges", BOTH, 600, 800),
    "responder_server": ("exchanges", APART, 600, 800),
    "oscore_option": ("oscore", BOTH, 40, 2400),
    "oscore_datagram": ("oscore", BOTH, 400, 800),
    "oscore_request": ("oscore", BOTH, 300, 240),
    "oscore_response": ("oscore", BOTH, 300, 240),
    "edhoc_message": ("edhoc", BOTH, 300, 240),
    "edhoc_plaintext_2": ("edhoc", BOTH, 300, 240),
    "edhoc_plaintext_4": ("edhoc", BOTH, 120, 240),
    "modem_bytes": ("radio", BOTH, 500, 400),
    "modem_answers": ("radio", BOTH, 500, 400),
    "link_datagrams": ("radio", BOTH, 400, 200),
    "handshake_answers": ("keys", BOTH, 300, 100),
    "settings_file": ("settings", APART, 600, 1200),
    "settings_values": ("settings", APART, 120, 1200),
    "commands_list": ("settings", BOTH, 400, 800),
    "flash_contexts": ("flash", BOTH, 300, 240),
    "flash_small": ("flash", BOTH, 200, 800),
    "flash_segment": ("flash", BOTH, 600, 800),
    "flash_journal": ("flash", BOTH, 600, 200),
    "flash_rows": ("flash", BOTH, 120, 1200),
    "curve_public": ("curve", CPYTHON, 200, 400),
    "curve_verify": ("curve", CPYTHON, 140, 60),
    "gateway_key": ("curve", CPYTHON, 300, 400),
    "gateway_toml": ("office", CPYTHON, 400, 1200),
    "gateway_values": ("office", CPYTHON, 60, 1200),
    "gateway_request": ("office", CPYTHON, 500, 2000),
    "gateway_datagram": ("gateway", CPYTHON, 1300, 300),
    "gateway_inside": ("gateway", CPYTHON, 400, 200),
    "gateway_frames": ("gateway", CPYTHON, 400, 200),
    "ordinary_report": ("ordinary", CPYTHON, 400, 1200),
    "ordinary_frames": ("ordinary", CPYTHON, 600, 1200),
    "ordinary_outer": ("ordinary", CPYTHON, 400, 1200),
    "edhoc_responder": ("gateway", CPYTHON, 300, 200),
    "gateway_publish": ("office", CPYTHON, 200, 1200),
}


class Target:
    """A name of the table, loaded."""

    def __init__(self, name):
        module, self.where, self.most, self.runs = TARGETS[name]
        loaded = __import__("tests.fuzz.readers." + module, None, None, ("x",))
        self.name = name
        self.function = getattr(loaded, name)
        self.tokens = loaded.TOKENS

    def __call__(self, data):
        return self.function(data)


def seeds(name):
    """[(file name, bytes)] of tests/corpus/<name>, in the order of their names."""
    import os

    folder = "tests/corpus/" + name
    try:
        files = sorted(os.listdir(folder))
    except OSError:
        return []
    found = []
    for file in files:
        with open(folder + "/" + file, "rb") as opened:
            found.append((file, opened.read()))
    return found
