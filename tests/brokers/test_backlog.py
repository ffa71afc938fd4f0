"""A long outage of the broker: the backlog drains in order for each terminal, in bounded memory.
`make backlog` does it with a million frames."""

from tests.brokers.backlog import drain


async def test_a_backlog_drains_in_order(tmp_path):
    report = await drain(tmp_path, 20_000, terminals=40, limit_s=300)
    print(report)
    assert (report["arrived"], report["repeats"], report["out_of_order"]) == (20_000, 0, 0)
    assert report["complete"]
    assert report["gateway_peak_mb"] < 150
