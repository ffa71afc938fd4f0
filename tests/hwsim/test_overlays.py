"""What a simulated board starts from is made once, whoever asks first."""

import threading
from pathlib import Path

from hwsim import overlays


def test_boards_that_start_at_the_same_moment_start_from_the_same(monkeypatch):
    monkeypatch.setattr(overlays, "_made", overlays.functools.cache(overlays._made.__wrapped__))
    found = []
    both = threading.Barrier(2)

    def start():
        both.wait()
        found.append(overlays.boot())

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert Path(found[0]).exists()
