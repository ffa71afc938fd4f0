"""A three-node NATS JetStream cluster as the central broker: whichever node dies or is cut off, under load,
the consumer gets every frame, and what comes twice comes under the same name. `make siege` takes longer."""

from tests.brokers.siege import besiege


async def test_a_node_dies_another_is_cut_off_and_no_frame_is_lost(tmp_path):
    report = await besiege(tmp_path, [("kill", 0), ("cut", 1)], terminals=3, pause_s=0.1)
    print(report)
    assert report["frames"] >= 80
    assert (report["lost"], report["unknown"], report["conflicts"], report["unrelayed"]) == (0, 0, 0, 0)
    assert report["stored"] == report["frames"]
