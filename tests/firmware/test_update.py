# runs on: micropython
"""An update as the terminal does it: what it takes, what it refuses, when it waits, what a reset leaves."""

from firmware import update as subject
from protocol import coap, update
from tests.firmware.update_bench import (
    IMAGE,
    NEW,
    OLD,
    Bench,
    Reset,
    Slots,
    manifest,
    sha256,
)
from tests.portable import raises

LATER, DONE, NOT_SUPPORTED, REFUSED = 0, 1, 2, 3
KEEP = 16384


def said(bench):
    return [state for _, state, _ in bench.said]


def ready(bench):
    assert bench.order() == DONE
    assert bench.run(lambda: bench.state == update.READY)
    return bench


def refused(bench, word, written=False):
    """It is told, and forgotten; flash holds what it held."""
    assert bench.run(), bench.lines
    assert said(bench)[-1] == update.REFUSED and word in bench.said[-1][2], bench.said
    assert bench.state is None and not bench.slots.staged
    assert bool(bench.slots.writes) == written


def test_from_the_notice_to_the_start():
    with Bench() as bench:
        assert bench.update.step() is None, "nothing is under way"
        ready(bench)
        assert bytes(bench.slots.data[: len(IMAGE)]) == IMAGE
        assert bench.slots.finished == (len(IMAGE), NEW, sha256(IMAGE), "SIM")
        assert not bench.slots.staged
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        assert bench.slots.staged == 1 and bench.state == update.TRYING
        assert said(bench) == [update.FETCHING, update.READY]


def test_the_new_one_proves_itself():
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        bench.app.builder.status = 5
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=True)
        assert bench.app.builder.status == 5, "what the officer said last is said on"
        assert bench.run()
        assert bench.slots.confirmed and bench.now >= 60000
        assert said(bench)[-2:] == [update.TRYING, update.DONE] and bench.state is None


def test_the_new_one_waits_for_all_it_has_to_show():
    """No link, something unsent, a task that died: each alone keeps it from being confirmed."""
    for trouble in ("is_linked", "bulk", "dead"):
        with Bench() as bench:
            ready(bench)
            bench.app.beat.quiet = True
            with raises(Reset):
                bench.run()
            bench.boot(NEW, trial=True)
            setattr(bench, trouble, trouble != "is_linked")
            for _ in range(70):
                bench.now += 15000
                if bench.now >= 900000:
                    break
                bench.update.step()
                assert not bench.slots.confirmed
            with raises(Reset):
                bench.update.step()
            assert bench.slots.given_up
            # The one before tells why.
            bench.boot(OLD)
            assert bench.state == update.FELL_BACK
            assert bench.run()
            words = {"is_linked": "no link", "bulk": "unsent", "dead": "tasks died"}
            assert bench.said[-1][1:] == (update.FELL_BACK, words[trouble])


def test_an_alarm_that_is_served_is_not_cut():
    """The new one has lost a task and will give way; not in an alarm that it can tell of."""
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=True)
        bench.dead = 1
        bench.panics.open.append(1)
        bench.now = 1000000
        bench.update.step()
        assert not bench.slots.given_up and not bench.slots.confirmed
        bench.is_linked = False
        with raises(Reset):
            bench.update.step()
        bench.slots.given_up = False
        bench.is_linked = True
        bench.panics.open.clear()
        with raises(Reset):
            bench.update.step()
        assert bench.slots.given_up


def test_a_key_pressed_at_the_last_moment():
    """While the image is read once more, interrupts alone see the keys: a reset would forget the press."""
    with Bench() as bench:
        ready(bench)
        bench.run(lambda: bench.said[-1][1] == update.READY)
        stage = bench.slots.stage

        def pressed():
            bench.app.keys.head = 1
            return stage()

        bench.slots.stage = pressed
        bench.app.beat.quiet = True
        while not bench.slots.staged:
            bench.now += bench.update.step()
        assert bench.state == update.READY
        # The key's task has had its turn, and there was no alarm in it.
        bench.app.keys.head = 0
        bench.slots.stage = stage
        with raises(Reset):
            bench.run()
        assert bench.state == update.TRYING


def test_a_new_one_that_never_came_up():
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(OLD)
        assert bench.run()
        assert bench.said[-1] == (NEW, update.FELL_BACK, "it never came up")
        # It is not tried again by itself; when it is asked for, it is.
        assert bench.update.step() is None
        assert bench.order() == DONE


def test_a_new_one_that_came_up_and_died():
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=True)
        bench.boot(OLD)
        assert bench.run()
        assert bench.said[-1] == (NEW, update.FELL_BACK, "the last it said: started")


def test_what_is_confirmed_by_others_is_done():
    """Power was lost between the confirmation and what /update says."""
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=False)
        assert bench.run()
        assert said(bench)[-1] == update.DONE


def test_power_lost_between_stage_and_the_file():
    with Bench() as bench:
        ready(bench)
        assert bench.state == update.READY
        bench.boot(NEW, trial=True)  # staged, and /update still says ready
        assert bench.state == update.TRYING
        assert bench.run() and bench.slots.confirmed


def test_an_image_that_rots_before_it_is_started():
    with Bench() as bench:
        ready(bench)
        bench.slots.data[700] ^= 1
        bench.app.beat.quiet = True
        refused(bench, "not what it was", written=True)


def test_one_that_came_by_cable_proves_itself_alone():
    """No /update, no link: its tasks have to live, and that is all."""
    with Bench() as bench:
        bench.is_linked = False
        bench.boot(NEW, trial=True)
        bench.is_linked = False
        assert bench.run() and bench.slots.confirmed and bench.link.asked == []
        assert bench.state is None
        bench.boot(NEW, trial=True)
        bench.slots.confirmed = False
        bench.dead = 1
        with raises(Reset):
            bench.run(steps=1000)
        assert bench.slots.given_up and not bench.slots.confirmed


def test_a_cable_came_first():
    """An update was under way when another program came by cable: that one proves itself, whatever /update
    says; then the update goes on, from its manifest, for its bytes may be gone from flash."""
    for until in (update.FETCHING, update.READY, update.ASKED):
        with Bench() as bench:
            bench.order()
            assert bench.run(lambda until=until: bench.state == until)
            between = 0x000180
            bench.slots.desk = int(until == update.READY)  # else there is nothing that it could be taken for
            bench.boot(between, trial=True)
            bench.slots.finished = None
            bench.slots.begun = False
            before = len(bench.said)
            assert bench.run(lambda: bench.slots.confirmed)
            assert len(bench.said) == before and not bench.slots.begun
            assert bench.run(lambda: bench.state == update.READY)
            assert bench.slots.begun and bench.slots.finished[1] == NEW
    with Bench() as bench:
        ready(bench)
        bench.slots.desk = 1
        bench.boot(0x000300, trial=True)  # newer than what was asked for
        bench.slots.finished = None
        assert bench.run(), "refused as older"
        assert bench.slots.confirmed and bench.said[-1][1] == update.REFUSED


def test_over_the_air_it_has_to_be_the_one_that_was_asked_for():
    """Its manifest says one version and the image itself another: it does not pass for one by cable."""
    for state in (update.READY, update.TRYING):
        with Bench() as bench:
            ready(bench)
            if state == update.TRYING:
                bench.app.beat.quiet = True
                with raises(Reset):
                    bench.run()
            assert bench.state == state
            bench.boot(0x000180, trial=True)
            bench.app.beat.quiet = True
            for _ in range(20):
                bench.run(steps=20)
            assert not bench.slots.confirmed and bench.said[-1][1] == update.FELL_BACK


def test_another_image_where_the_update_lay():
    """A cable wrote there since, and what it wrote is whole: not started over the air, but fetched anew."""
    with Bench() as bench:
        ready(bench)
        bench.run(lambda: bench.said[-1][1] == update.READY)
        other = bytes(len(IMAGE))
        bench.slots.data[: len(other)] = other
        bench.slots.finished = (len(other), OLD, sha256(other), "SIM")
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        assert bench.slots.finished == (len(IMAGE), NEW, sha256(IMAGE), "SIM") and bench.slots.staged == 1


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
        assert bench.run(lambda: bench.state == update.FETCHING and bench.update._row[4] >= 2048)
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
            bench.update._errors = 0
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


def test_resumed_after_a_reset():
    image = bytes(n * 7 & 255 for n in range(40000))
    with Bench() as bench:
        bench.serve(NEW, image)
        bench.order()
        assert bench.run(lambda: bench.update._row[4] >= 30000)
        bench.boot(OLD)
        before = len(bench.slots.writes)
        assert bench.run(lambda: bench.state == update.READY)
        assert bench.slots.writes[before] == KEEP, "from what is surely on flash"
        assert bytes(bench.slots.data[: len(image)]) == image
        names = [bytes(a.options[0][1]) for a in bench.link.asked if a.code == coap.GET]
        assert not any(name.endswith(b".suit") for name in names), "the manifest is not asked for again"


def test_nothing_while_an_alarm_is_open():
    for alarm in (
        lambda bench: setattr(bench.app.modem, "panic_active", True),
        lambda bench: bench.panics.open.append(1),
        lambda bench: setattr(bench, "urgent", 1),
    ):
        with Bench() as bench:
            bench.order()
            assert bench.run(lambda: bench.state == update.FETCHING)
            bench.update.step()
            bench.answer()  # a block that was under way
            asked, written = len(bench.link.asked), len(bench.slots.writes)
            alarm(bench)
            for _ in range(20):
                bench.now += bench.update.step()
            assert (len(bench.link.asked), len(bench.slots.writes)) == (asked, written)
            bench.app.modem.panic_active = False
            bench.panics.open.clear()
            bench.urgent = 0
            assert bench.run(lambda: bench.state == update.READY)


def test_nothing_without_a_link_and_in_safe_mode():
    with Bench() as bench:
        bench.order()
        bench.is_linked = False
        for _ in range(10):
            bench.now += bench.update.step()
        assert bench.link.asked == []
        bench.is_linked = True
        bench.app.safe = 1
        for _ in range(10):
            bench.now += bench.update.step()
        assert bench.link.asked == []
        bench.app.safe = 0
        assert bench.run(lambda: bench.state == update.READY)


def test_when_it_starts_anew():
    """Parked and nothing unsent; off duty at once, available after ten minutes, at work never."""
    for status, minutes in ((None, 0), (5, 0), (1, 10), (2, None), (3, None), (4, None)):
        with Bench() as bench:
            ready(bench)
            bench.app.builder.status = status
            bench.app.beat.quiet = True
            bench.bulk = 1
            since = bench.now
            for _ in range(100):
                bench.now += bench.update.step() or 1000
                if bench.said[-1:] != [(NEW, update.READY, "")] and bench.link.asked:
                    bench.answer()
            bench.bulk = 0
            since = bench.now
            started = None
            for _ in range(200):
                try:
                    bench.now += bench.update.step()
                except Reset:
                    started = bench.now - since
                    break
            if minutes is None:
                assert started is None, status
            else:
                assert started is not None and minutes * 60000 <= started <= minutes * 60000 + 30000, status


def test_driving_it_never_does():
    with Bench() as bench:
        ready(bench)
        for _ in range(200):
            bench.now += bench.update.step()
            if bench.link.asked and bench.said[-1][1] != update.READY:
                bench.answer()
        assert not bench.slots.staged


def test_a_pause_and_a_withdrawal_at_the_last_moment():
    """READY is a question: the gateway may say not now, or never."""
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        bench.update.step()
        bench.answer(coap.SERVICE_UNAVAILABLE, b"", ((coap.MAX_AGE, b"\x02\x58"),))
        asked = len(bench.link.asked)
        since = bench.now
        while len(bench.link.asked) == asked:
            bench.now += bench.update.step()
        assert bench.now - since >= 600000 and not bench.slots.staged
        bench.answer(coap.NOT_FOUND)
        assert bench.update.step() is None and bench.state is None and not bench.slots.staged


def test_withdrawn_in_the_middle():
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.update._row[4] >= 4096)
        bench.served.clear()
        refused(bench, "withdrawn", written=True)


def test_flash_that_fails():
    """Once: it goes on from what is surely there. Again and again: it is told."""
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.update._row[4] >= 5120)
        bench.slots.trouble = OSError(5)
        assert bench.run(lambda: bench.state == update.READY)
    with Bench() as bench:
        bench.order()
        bench.slots.write = fail
        refused(bench, "EIO" if "EIO" in repr(OSError(5)) else "5")


def fail(offset, data):
    raise OSError(5)


def test_answers_that_do_not_come():
    with Bench() as bench:
        bench.order()
        bench.wait(70000)
        bench.update.step()
        first = bench.link.asked[-1]
        bench.update.failed(first)
        assert bench.update.step() > 0
        bench.wait(600000)
        bench.update.step()
        assert bench.link.asked[-1] is not first
        bench.update.hinted(bench.link.asked[-1])  # a Reset, by whomever
        assert bench.link.cancelled[-1] is bench.link.asked[-1]
        bench.update.answered(first, None)  # what was given up is not listened to
        bench.wait(600000)
        bench.link.none = True
        bench.update.step()  # no number to protect it with
        bench.wait(600000)
        bench.link.none = False
        assert bench.run(lambda: bench.state == update.READY)


def test_notices():
    with Bench() as bench:
        for body in (None, {}, [], {0: 0}, {0: 1 << 24}, {0: True}, {0: "0.2.0"}):
            assert bench.update.asked(body) == REFUSED
        assert bench.order() == DONE and bench.order() == DONE
        # A later one takes its place.
        bench.serve(0x000300)
        assert bench.run(lambda: bench.state == update.FETCHING)
        assert bench.order(0x000300) == DONE
        assert bench.run(lambda: bench.state == update.READY)
        assert bench.slots.finished[1] == 0x000300
        bench.boot(0x000300, trial=True)
        assert bench.order(0x000400) == LATER, "first this one has to prove itself"
        bench.update._slots = None
        bench.update._row = None
        assert bench.order() == NOT_SUPPORTED


def test_a_file_of_another_version():
    with Bench() as bench:
        ready(bench)
        for data in (b"", b"\x80", b"\x87\x01\x02\x03\x04\x05\x06", b"\x61x", bytes(300)):
            subject.statefile.write(subject.FILE, data)
            bench.boot(OLD)
            assert bench.update.step() is None


def test_a_cable_was_quicker():
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.update._row[4] >= 4096)
        bench.boot(NEW)
        assert bench.run() and said(bench)[-1] == update.DONE
