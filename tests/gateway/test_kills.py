"""Kill -9 at random moments: a few here, a thousand with `make kills`. Counts are printed."""

import pytest

from tests.kills import siege
from tests.kills.siege import Plan, besiege

PLANS = {
    "gateway over sqlite": Plan("sqlite", 8, seed=11),
    "gateway over postgres": Plan("postgres", 6, seed=12),
    "postgres itself": Plan("postgres", 3, server_share=1.0, seed=13),
    "one of two nodes": Plan("postgres", 5, nodes=2, relayed=True, seed=14),
}


@pytest.mark.parametrize("name", PLANS)
async def test_nothing_lost_nothing_doubled_no_nonce_twice(name, tmp_path, request):
    plan = PLANS[name]
    if plan.journal == "postgres":
        request.getfixturevalue("postgres_server")  # skips where there is none
    result = await besiege(plan, tmp_path)
    print(result.text())
    assert sum(result.killed.values()) == plan.kills
    assert result.answered > 0
    assert result.wrong == 0, (result.text(), result.errors[:3])


async def test_the_books_can_tell(tmp_path, monkeypatch):
    """A frame that vanishes from the store, and an answer that comes in two forms, are seen."""
    plain = siege.Siege._query

    def query(self, text):
        rows = plain(self, text)
        if not text.startswith("SELECT kid"):
            return rows
        told = [row for row in rows if (bytes(row[0]), *row[1:]) in self.book.answered]
        return [row for row in rows if row != told[0]]

    monkeypatch.setattr(siege.Siege, "_query", query)
    notes = siege.Book.note_answer

    def note_answer(self, terminal, outer, datagram):
        notes(self, terminal, outer, datagram)
        if len(self.nonces) == 1:
            notes(self, terminal, outer, datagram[:-1] + bytes([datagram[-1] ^ 1]))

    monkeypatch.setattr(siege.Book, "note_answer", note_answer)
    result = await besiege(Plan("sqlite", 1, seed=15), tmp_path)
    assert result.lost == 1
    assert result.reused >= 1
    assert result.wrong
