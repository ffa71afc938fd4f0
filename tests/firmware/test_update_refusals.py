# runs on: micropython
"""What an update refuses: manifests, images and blocks that are not what was asked for."""

from protocol import coap, update
from tests.firmware.update_bench import IMAGE, NEW, OLD, Bench, Slots, manifest, refused, said


def test_wrongly_signed():
    with Bench() as bench:
        bench.serve(NEW, private=bytes(range(2, 34)))
        bench.order()
        refused(bench, "not signed by the release key")
        assert not bench.slots.begun, "not one byte of flash for it"


def test_a_flipped_bit_in_the_manifest():
    for at in (40, 120, 200, 280):
        with Bench() as bench:
            data = bytearray(manifest())
            data[at % len(data)] ^= 4
            bench.served[update.manifest_name("SIM", NEW)] = bytes(data)
            bench.order()
            assert bench.run()
            assert said(bench) == [update.REFUSED] and not bench.slots.begun


def test_for_another_board():
    for parts in ({"board_class": bytes(16)}, {"vendor": bytes(16)}):
        with Bench() as bench:
            bench.serve(NEW, **parts)
            bench.order()
            refused(bench, "another board")


def test_older_and_the_same():
    with Bench() as bench:
        bench.boot(NEW)
        bench.order(OLD)
        refused(bench, "older than what runs, 0.2.0")
        bench.order(NEW)
        assert bench.run() and said(bench)[-1] == update.DONE
        assert all(a.code == coap.POST for a in bench.link.asked), "nothing is fetched for that"


def test_another_version_than_was_asked_for():
    """A gateway cannot slip in another one, though the release key signed it."""
    with Bench() as bench:
        bench.served[update.manifest_name("SIM", NEW)] = manifest(version=0x000300)
        bench.order()
        refused(bench, "of version 0.3.0")


def test_an_image_elsewhere_or_too_large():
    with Bench() as bench:
        bench.serve(NEW, uri="/u/other")
        bench.order()
        refused(bench, "its image is at /u/other")
    with Bench() as bench:
        bench.serve(NEW, size=Slots.room + 1)
        bench.order()
        refused(bench, "there is room for")


def test_without_a_release_key():
    with Bench(key=b"") as bench:
        bench.order()
        refused(bench, "no release key")


def test_nothing_of_the_kind_at_the_gateway():
    with Bench() as bench:
        bench.served.clear()
        bench.order()
        refused(bench, "has none of this version for SIM")


def test_a_changed_image():
    """Every block was the gateway's own word; the digest is the release key's."""
    with Bench() as bench:
        bench.served[update.image_name("SIM", NEW)] = IMAGE[:5000] + b"x" + IMAGE[5001:]
        bench.order()
        refused(bench, "another digest", written=True)


def test_a_truncated_and_a_longer_image():
    for image in (IMAGE[:-1], IMAGE[:4096], IMAGE + b"x"):
        with Bench() as bench:
            bench.served[update.image_name("SIM", NEW)] = image
            bench.order()
            refused(bench, "not as long as the image", written=True)


def test_a_gateway_that_gives_other_blocks():
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.state == update.FETCHING and bench.update.row.offset >= 2048)
        for wrong in (
            (coap.CONTENT, IMAGE[:1024], ((update.BLOCK2, update.block_option(7, True, 6)),)),
            (coap.CONTENT, IMAGE[:1024], ()),
            (coap.CONTENT, IMAGE[:1000], ((update.BLOCK2, update.block_option(2, True, 6)),)),
            (coap.CONTENT, b"", ((update.BLOCK2, update.block_option(2, True, 6)),)),
        ):
            asked = len(bench.link.asked)
            while len(bench.link.asked) == asked:
                bench.now += bench.update.step()
            before = list(bench.slots.writes)
            bench.answer(*wrong)
            bench.update.step()
            assert bench.slots.writes == before
            bench.update._fetch.errors = 0
        assert bench.run(lambda: bench.state == update.READY)


def test_smaller_blocks_than_asked_for():
    """RFC 7959 2.4: the server may answer with smaller ones from the first on."""
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.state == update.FETCHING)
        bench.gateway = lambda attempt: (
            smaller_block(bench, attempt) if attempt.code == coap.GET else (coap.CHANGED, b"", ())
        )
        assert bench.run(lambda: bench.state == update.READY)
        assert bytes(bench.slots.data[: len(IMAGE)]) == IMAGE


def smaller_block(bench, attempt):
    _, block = attempt.options[1]
    number, _, szx = update.read_block(block)
    offset = number << szx + 4
    part = IMAGE[offset : offset + 256]
    more = offset + 256 < len(IMAGE)
    return coap.CONTENT, part, ((update.BLOCK2, update.block_option(offset // 256, more, 4)),)
