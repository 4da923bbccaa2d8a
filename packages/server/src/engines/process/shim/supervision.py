"""What the first process of a task's pid namespace does while others work: reap, pass on signals, keep deadlines."""

import os
import signal
import time

SIGNALS = {signal.SIGCHLD, signal.SIGTERM}
# Asked to end by something other than the engine (the machine shuts down): as long as systemd gives by default.
DEFAULT_GRACE_MS = 10_000


class Stopped(Exception):
    """The task was told to end before its command began."""


class Supervision:
    def __init__(self, task_fd):
        self._task_fd = task_fd
        self._deadline = None
        self.grace_ms = None
        self.stopping = False
        self.killed = False

    def wait(self, pid):
        """Waits for one child and returns its wait status. A stop meanwhile ends all processes of the namespace."""
        while True:
            status = _reap(pid)
            if status is not None:
                return status
            self._turn(None)

    def wait_for_rest(self):
        """Once told to stop: waits for what the command began and left, until that has ended or the grace is over.

        A shell ends at once when it is told to, and what runs in it (a program that saves its work) needs its time.
        Processes that were brought in from outside are nobody's children here, and not waited for.
        """
        while self.stopping and not self.killed and _has_children():
            self._turn(None)

    def pause(self, seconds):
        """Waits a while. Stopped when a stop is asked for."""
        self._turn(seconds)
        self.check()

    def check(self):
        """Stopped when a stop has been asked for, now or before this process could listen."""
        if not self.stopping:
            self._turn(0)
        if self.stopping or self._read_grace() is not None:
            raise Stopped()

    def end_all(self):
        """Kills every other process of the namespace and waits until none is left, so that all output is written."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            pass

    def _turn(self, seconds):
        if self._deadline is not None:
            left = max(0, self._deadline - time.monotonic())
            seconds = left if seconds is None else min(seconds, left)
        if seconds is None:
            got = signal.sigwaitinfo(SIGNALS)
        else:
            got = signal.sigtimedwait(SIGNALS, seconds)
        if got and got.si_signo == signal.SIGTERM:
            self._stop()
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self.killed = True
            self._deadline = None
            _kill_all(signal.SIGKILL)

    def _stop(self):
        grace_ms = self._read_grace()
        if grace_ms is None:
            grace_ms = DEFAULT_GRACE_MS
        deadline = time.monotonic() + grace_ms / 1000
        if not self.stopping or (self._deadline is not None and deadline < self._deadline):
            self._deadline = deadline
            self.grace_ms = grace_ms
        self.stopping = True
        _kill_all(signal.SIGTERM)

    def _read_grace(self):
        """Milliseconds, as the engine left them in the file `stop`; None when there is none."""
        try:
            file = os.open("stop", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._task_fd)
        except FileNotFoundError:
            return None
        try:
            return int(os.read(file, 32))
        finally:
            os.close(file)


def _kill_all(number):
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def _has_children():
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return False
    return True


def _reap(pid):
    """Collects every child that has ended; the wait status of `pid` if it is among them."""
    found = None
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if ended == 0:
            return found
        if ended == pid:
            found = status
