"""A disk that fails under running processes, for real and without any right of root's: it is full, or what
was written does not get to it (fsync, EIO)."""

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_LIBC.ptrace.restype = ctypes.c_long
# <sys/ptrace.h>, <sys/wait.h>
_PEEKUSER, _POKEUSER, _SYSCALL, _DETACH = 3, 6, 24, 17
_SEIZE, _INTERRUPT, _LISTEN, _SYSCALL_INFO = 0x4206, 0x4207, 0x4208, 0x420E
_GOOD, _FORK, _VFORK, _CLONE, _EXITING = 1, 2, 4, 8, 64
_EVENT_EXIT, _EVENT_STOP = 6, 128
_ANY = 0x40000000 | 0x20000000  # __WALL | __WNOTHREAD: what this thread traces, and nobody else's children
_ENTRY, _EXIT = 1, 2
# x86-64: <asm/unistd_64.h>, and where registers stand in `struct user`.
_SYNCS = (74, 75)  # fsync, fdatasync
_RAX, _ORIG_RAX = 10 * 8, 15 * 8
_POLL_S = 0.0005


def family(pid):
    """`pid` and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in _threads(parent):
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{parent}/task/{task}/children").read_text().split())
    return found


def limit_files(pid, limit):
    """No file of this process and its descendants grows beyond `limit` bytes from now on (None: they may
    again): write(2) fails with EFBIG. Both programs ignore the signal that goes with it."""
    # util-linux' prlimit, as the user whose processes they are: in a container root may lack the right over
    # others'.
    number = resource.RLIM_INFINITY if limit is None else limit
    owner = os.stat(f"/proc/{pid}").st_uid
    user = {} if owner == os.geteuid() else {"user": owner, "group": owner, "extra_groups": []}
    for one in family(pid):
        done = subprocess.run(
            ["prlimit", f"--pid={one}", f"--fsize={'unlimited' if number < 0 else number}:"],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **user,
        )
        # Who ended meanwhile writes nothing.
        assert done.returncode == 0 or not Path(f"/proc/{one}").exists(), done.stderr


class FailingSync:
    """`with FailingSync(pid, count)`: the next `count` calls of fsync and fdatasync (None: all) of this
    process, its threads, its descendants and those that they make meanwhile do nothing and return EIO.
    `failed` counts them. `hurts(pid)`: of whom; of all where it is not given.

    A debugger's way (ptrace), by a thread of its own. In the block nobody may wait for these processes."""

    def __init__(self, pid, count=None, hurts=lambda pid: True):
        assert platform.machine() == "x86_64", "registers are x86-64's"
        self._pid = pid
        self._hurts = hurts
        self._left = float("inf") if count is None else count
        self.failed = 0
        self._ending = False
        self._ready = threading.Event()
        self._trouble = None
        self._tracer = threading.Thread(target=self._run, name="failing-sync", daemon=True)

    def __enter__(self):
        self._tracer.start()
        self._ready.wait()
        if self._trouble:
            raise self._trouble
        return self

    def __exit__(self, *_):
        self._ending = True
        self._tracer.join()
        if self._trouble:
            raise self._trouble

    def _run(self):
        self._traced, self._skipped = set(), set()
        try:
            for pid in family(self._pid):
                for task in _threads(pid):
                    self._seize(task)
            self._ready.set()
            while not self._ending:
                self._step()
            self._leave()
        except OSError as error:
            self._trouble = error
        finally:
            self._ready.set()

    def _seize(self, task):
        try:
            _ptrace(_SEIZE, task, 0, _GOOD | _FORK | _VFORK | _CLONE | _EXITING)
            _ptrace(_INTERRUPT, task)
            self._traced.add(task)
        except ProcessLookupError:
            pass  # it has ended
        except PermissionError:
            if task not in self._traced:  # made by one that is traced already
                raise

    def _step(self):
        """One stop of one of them, and on it goes; or a short wait."""
        stopped = _stopped()
        if stopped is None:
            time.sleep(_POLL_S)
            return
        task, status = stopped
        if not os.WIFSTOPPED(status):
            self._traced.discard(task)
            return
        self._traced.add(task)
        number, event = os.WSTOPSIG(status), status >> 16
        with contextlib.suppress(ProcessLookupError):  # killed meanwhile
            if number == signal.SIGTRAP | 0x80:
                self._call(task)
                number = 0
            elif event == _EVENT_EXIT:
                # Its parent is to see the end of it, and not we.
                self._traced.discard(task)
                _ptrace(_DETACH, task)
                return
            elif event == _EVENT_STOP and number != signal.SIGTRAP:
                _ptrace(_LISTEN, task)
                return
            elif event:
                number = 0
            _ptrace(_SYSCALL, task, 0, number)

    def _call(self, task):
        info = (ctypes.c_uint64 * 11)()
        _ptrace(_SYSCALL_INFO, task, ctypes.sizeof(info), ctypes.addressof(info))
        step = info[0] & 0xFF
        if step == _ENTRY and info[3] in _SYNCS and self._left > 0 and self._hurts(task):
            self._left -= 1
            self.failed += 1
            self._skipped.add(task)
            _ptrace(_POKEUSER, task, _ORIG_RAX, -1)
        elif step == _EXIT and task in self._skipped:
            self._skipped.discard(task)
            _ptrace(_POKEUSER, task, _RAX, -errno.EIO)

    def _leave(self):
        """Let all of them go: who is to be let go has to stop first."""
        for task in self._traced:
            with contextlib.suppress(ProcessLookupError):
                _ptrace(_INTERRUPT, task)
        while self._traced:
            stopped = _stopped()
            if stopped is None:
                time.sleep(_POLL_S)
                self._traced = {task for task in self._traced if Path(f"/proc/{task}").exists()}
                continue
            task, status = stopped
            self._traced.discard(task)
            if os.WIFSTOPPED(status):
                number, event = os.WSTOPSIG(status), status >> 16
                with contextlib.suppress(ProcessLookupError):
                    if task in self._skipped and number == signal.SIGTRAP | 0x80:
                        self._call(task)
                    quiet = event or number == signal.SIGTRAP | 0x80
                    _ptrace(_DETACH, task, 0, 0 if quiet else number)


def _threads(pid):
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _stopped():
    """(task, status) of one that stopped or ended, or None."""
    try:
        task, status = os.waitpid(-1, os.WNOHANG | _ANY)
    except ChildProcessError:
        return None
    return (task, status) if task else None


def _ptrace(request, task, address=0, data=0):
    if _LIBC.ptrace(request, task, address, data) == -1 and (number := ctypes.get_errno()):
        ctypes.set_errno(0)
        raise OSError(number, f"ptrace {request:#x} of {task}: {os.strerror(number)}")
