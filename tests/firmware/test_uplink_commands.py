# runs on: micropython
"""Commands of the operations centre: each done once, each answered, whatever network or gateway do."""

from protocol import cbor, coap
from protocol.coap import CON, CONTENT, Message
from protocol.report import KIND_PANIC, KIND_STATUS
from tests.firmware.uplink_bench import Bench, gaps, linked


def answered(bench):
    return [(id, answer) for _, id, answer in bench.answers]


def test_the_terminal_registers_when_the_bearer_is_up_and_every_keepalive():
    bench = Bench(keepalive_s=60)
    bench.run(600000)
    assert bench.registrations[0] < 600 and len(bench.registrations) == 10
    pauses = gaps(bench.registrations)
    assert all(60000 <= pause <= 60200 for pause in pauses), pauses


def test_another_address_is_told_at_once_and_a_panic_keeps_asking():
    bench = linked()
    bench.modem.set_up(False)
    bench.run(5000)
    count = len(bench.registrations)
    bench.modem.set_up(True)
    bench.run(700)
    assert len(bench.registrations) == count + 1
    bench.modem.panic_active = True
    bench.run(60000)
    assert len(bench.registrations) - count in (6, 7)


def test_a_command_is_done_at_once_and_its_answer_goes_the_urgent_way():
    bench = linked()
    told = bench.now
    bench.command(7)
    bench.run(500)
    assert bench.done == [7] and answered(bench) == [(7, 1)] and bench.answers[0][0] - told <= 90
    assert [urgent for _, urgent, _ in bench.sent_log] == [False, True], (
        "its acknowledgement, then the answer"
    )
    bench.run(100000)
    assert bench.done == [7] and len(bench.answers) == 1


def test_a_command_nobody_notified_is_found_at_the_next_keepalive():
    bench = linked()
    bench.command(7, quiet=True)
    bench.run(61000)
    assert bench.done == [7] and answered(bench) == [(7, 1)]


def test_many_commands_are_done_in_their_order_and_answered_one_by_one():
    bench = linked()
    for id in range(40):
        bench.command(id, body={0: "x"})
    bench.run(20000)
    assert bench.done == list(range(40)) and sorted(answered(bench)) == [(id, 1) for id in range(40)]
    assert bench.commands == []


def test_over_a_bad_network_each_is_done_once_and_answered():
    for seed in range(4):
        bench = Bench(seed, loss=35, duplicate=20, delay_ms=400)
        for id in range(12):
            bench.command(id)
            bench.run(3000)
        bench.run(240000)
        assert sorted(bench.done) == list(range(12)), seed
        assert set([id for _, id, _ in bench.answers]) == set(range(12)) and bench.commands == []


def test_a_command_that_stays_on_the_list_is_answered_again_and_not_done_again():
    """The gateway was restored from yesterday's copy: it lost the answer, not the command."""
    bench = linked()
    bench.command(7)
    bench.run(1000)
    bench.command(7, quiet=True)
    bench.run(61000)
    assert bench.done == [7] and answered(bench) == [(7, 1), (7, 1)] and bench.commands == []


def test_a_command_that_cannot_be_carried_out_is_refused_and_stops_nothing():
    bench = linked()
    bench.command(1, body="break")
    bench.command(2)
    bench.run(2000)
    assert bench.done == [1, 2] and sorted(answered(bench)) == [(1, 3), (2, 1)]
    bench.uplink.on_command = None
    bench.command(3)
    bench.run(1000)
    assert answered(bench)[-1] == (3, 3)


def test_a_command_for_later_is_told_again_and_answered_when_it_was_done():
    bench = linked()
    answers = [0, 0, 1]
    bench.uplink.on_command = lambda command: answers.pop(0)
    bench.command(7)
    bench.run(500)
    assert answered(bench) == [] and answers == [0, 1]
    bench.run(59500)
    assert answered(bench) == [] and answers == [1]
    bench.run(61000)
    assert answered(bench) == [(7, 1)] and answers == []
    bench.run(61000)
    assert answered(bench) == [(7, 1)]


def test_a_command_that_cannot_be_done_at_this_moment_is_done_soon_and_in_its_place():
    """Somebody holds the panic key: what would be written to flash waits, and with it what comes behind."""
    bench = linked()
    busy = [True]
    asked = []

    def on_command(command):
        asked.append(command.id)
        if command.id == 8 and busy:
            return -1
        bench.done.append(command.id)
        return 1

    bench.uplink.on_command = on_command
    for id in (7, 8, 9):
        bench.command(id)
    bench.run(1000)
    assert bench.done == [7] and answered(bench) == [(7, 1)]
    assert 4 <= asked.count(8) <= 8 and 9 not in asked
    busy.clear()
    bench.run(600)
    assert bench.done == [7, 8, 9] and answered(bench) == [(7, 1), (8, 1), (9, 1)]
    bench.run(61000)
    assert bench.done == [7, 8, 9] and len(bench.answers) == 3


def test_commands_of_one_list_are_done_a_step_each_so_that_others_get_their_turn():
    bench = linked()
    for id in range(6):
        bench.command(id, quiet=True)
    done = []
    step = bench.uplink.step

    def counted():
        before = len(bench.done)
        left = step()
        done.append(len(bench.done) - before)
        return left

    bench.uplink.step = counted
    bench.run(61000)
    assert bench.done == list(range(6)) and max(done) == 1 and len(bench.answers) == 6


def test_a_list_in_no_form_at_all_is_counted_and_stops_nothing():
    bench = linked()
    token, binding = bench.observer
    lists = (
        b"",
        b"\xff",
        b"\x01",
        b"\xa0",
        b"\x9f\xff",
        b"\x81\x01",
        b"\x81\xa0",
        b"\x81\xa2\x00\x20\x01\x01",
    )
    for payload in lists + (b"\x81\xa2\x00\xf5\x01\x01",):
        message = Message(CON, CONTENT, options=[(coap.OBSERVE, b"\1")], payload=payload)
        bench.server.notify(
            "car", token, bench.context.protect_response(message, binding, fresh=True), bench.now
        )
        bench.run(500)
    assert bench.done == [] and bench.uplink._commands.malformed == len(lists) + 1
    good = cbor.encode([5, {0: 9, 1: 2, 2: 0, 3: {0: "x"}}, {}])
    message = Message(CON, CONTENT, options=[(coap.OBSERVE, b"\1")], payload=good)
    bench.server.notify("car", token, bench.context.protect_response(message, binding, fresh=True), bench.now)
    bench.run(500)
    assert bench.done == [9], "what can be read of a list is done"


def test_remembered_commands_are_bounded():
    bench = linked()
    for id in range(300):
        bench.command(id)
        bench.run(200)
    assert bench.done == list(range(300)) and bench.commands == []
    assert len(bench.uplink._commands._known) <= 64


def test_a_gateway_that_forgot_its_observers_is_found_within_seconds_of_a_panic():
    bench = linked()
    bench.observer = None
    bench.modem.panic_active = True
    bench.say(0, KIND_PANIC)
    bench.run(1000)
    pressed = bench.now
    bench.command(3, kind=3)
    bench.run(11000)
    assert bench.done == [3] and bench.answers[0][0] - pressed < 10500


def test_after_an_outage_that_began_before_the_first_registration_an_alarm_asks_within_seconds():
    """Started in a garage: the pause that silence made is not the officer's to wait out."""
    bench = Bench()
    bench.deaf = True
    for _ in range(30):
        bench.run(20000)
        bench.sent_log.clear()
    while bench.uplink._commands._trying is not None:
        bench.run(100)
    bench.deaf = False
    bench.modem.panic_active = True
    bench.say(0, KIND_PANIC)
    bench.command(3, kind=3)
    bench.run(1000)
    assert bench.when("stored", 0) is not None
    bench.run(11000)
    assert bench.done == [3], bench.registrations


def test_a_registration_the_gateway_refuses_is_tried_again_with_growing_pauses():
    bench = Bench()
    honest = bench._serve
    refused = []

    def refuse(message, token, binding):
        if message.code != coap.GET:
            return honest(message, token, binding)
        refused.append(bench.now)
        return Message(CON, coap.INTERNAL_ERROR)

    bench._serve = refuse
    bench.run(300000)
    assert 6 <= len(refused) <= 16
    bench.say(0, KIND_STATUS)
    bench.run(1000)
    assert bench.when("stored", 0) is not None, "frames do not wait for commands"
    bench._serve = honest
    bench.command(1, quiet=True)
    bench.run(62000)
    assert bench.done == [1]


def test_the_end_of_an_observation_is_noticed():
    bench = linked()
    token, binding = bench.observer
    count = len(bench.registrations)
    gone = bench.context.protect_response(Message(CON, coap.NOT_FOUND), binding, fresh=True)
    bench.server.notify("car", token, gone, bench.now)
    bench.run(5000)
    assert len(bench.registrations) == count + 1


def test_a_forged_notification_is_neither_done_nor_the_end_of_the_observation():
    bench = linked()
    token, _ = bench.observer
    count = len(bench.registrations)
    payload = cbor.encode([{0: 66, 1: 2, 2: 0, 3: {0: "x"}}])
    for code in (CONTENT, coap.NOT_FOUND):
        forged = Message(CON, code, 4242 + code, token, [(coap.OBSERVE, b"\7")], payload)
        bench.air.append((bench.now + 10, False, forged.encode()))
        bench.run(2000)
    assert bench.done == []
    bench.command(1)
    bench.run(500)
    assert bench.done == [1] and len(bench.registrations) == count


def test_linked_means_that_the_gateway_has_proved_itself_lately():
    bench = Bench(keepalive_s=60)
    assert not bench.uplink.linked
    bench.deaf = True
    bench.run(20000)
    assert not bench.uplink.linked, "a socket is not a link"
    bench.deaf = False
    bench.run(20000)
    assert bench.uplink.linked
    bench.deaf = True
    bench.run(140000)
    assert bench.uplink.linked is False or bench.now - bench.uplink.link.answer_ms < 150000
    bench.run(60000)
    assert not bench.uplink.linked
    bench.deaf = False
    bench.say(0, KIND_STATUS)
    bench.run(2000)
    assert bench.uplink.linked
    bench.modem.set_up(False)
    assert not bench.uplink.linked
