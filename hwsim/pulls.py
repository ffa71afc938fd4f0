"""The cable pulled at any moment of a piece of work on a board, as often as somebody likes to see it survive.

    pulls = Pulls(flash, folder, work)
    for moment in pulls.some(60, seed=1):
        with pulls.struck(moment) as stand:
            ...                       # it starts, nothing is half there, and work(stand) ends well

A moment is the number of a flash operation, in the middle of which power fails, or of a byte on the console,
after which nothing goes over it any more.
"""

import collections
import contextlib
import random
import shutil
from pathlib import Path

from hwsim.board_stand import BoardStand

OPERATION, BYTE = "operation", "byte"
Moment = collections.namedtuple("Moment", "kind number")


class NotStruck(Exception):
    """The work was over before that moment came."""


class Pulls:
    """`work(stand)` does it, from the state of the flash file `flash`, which stays as it is; what it raises
    when its board is gone is one of `errors`. `options` are those of the BoardStand."""

    def __init__(self, flash, folder, work, errors=(Exception,), **options):
        self.flash = Path(flash)
        self.folder = Path(folder)
        self.work = work
        self.errors = errors
        self.options = options
        self._whole = None

    def whole(self):
        """{kind: how many moments of it there are} when nobody pulls at anything."""
        if self._whole is None:
            with self._stand("whole") as stand:
                operations, over = stand.do(lambda: (stand.flash.operations, stand.console.bytes))
                self.work(stand)
                self._whole = {
                    OPERATION: stand.do(lambda: stand.flash.operations) - operations,
                    BYTE: stand.do(lambda: stand.console.bytes) - over,
                }
        return self._whole

    def every(self, kind=OPERATION, step=1):
        """All moments of a kind, or each so many-th."""
        return [Moment(kind, number) for number in range(0, self.whole()[kind], step)]

    def some(self, count, seed=0):
        """So many at random, of both kinds in turn, no two alike while there are others."""
        rng = random.Random(seed)
        found = []
        for kind in (OPERATION, BYTE):
            numbers = range(self.whole()[kind])
            wanted = (count + (kind == OPERATION)) // 2
            found += [Moment(kind, number) for number in rng.sample(numbers, min(wanted, len(numbers)))]
        return found

    @contextlib.contextmanager
    def struck(self, moment):
        """The stand on which it has happened, its cable put in again. Raises NotStruck."""
        with self._stand(f"{moment.kind}-{moment.number}") as stand:
            stand.pull_at(**{moment.kind: moment.number})
            with contextlib.suppress(*self.errors):
                self.work(stand)
            if stand.plugged:
                raise NotStruck(f"{moment.kind} {moment.number} did not come")
            stand.plug()
            yield stand

    def _stand(self, name):
        copy = self.folder / f"pull-{name}.flash"
        shutil.copyfile(self.flash, copy)
        return _Stand(copy, self.options)


class _Stand:
    """A stand whose flash file goes with it."""

    def __init__(self, flash, options):
        self._flash = flash
        self._stand = BoardStand(flash_path=flash, **options)

    def __enter__(self):
        return self._stand.__enter__()

    def __exit__(self, *error):
        self._stand.__exit__(*error)
        self._flash.unlink()
