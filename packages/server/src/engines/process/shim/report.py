"""What is known of one task, in one file that is always whole: `<reports>/<id>.json`.

{ "pid", "start", "boot", "supervised"?, "phases": [{"phase", "at"}], "cgroups": [path], "exit"?, "endedAt"? }

`pid` and `start` (clock ticks since boot, from /proc/<pid>/stat) name the process that answers for the task in this
boot of the machine; when that process is gone and there is no `exit`, the task is lost. `supervised` says that this
process is the first of the task's namespaces, which minds the file `stop` and SIGTERM.
"""

import errno
import json
import os
import time

# Room for the last report, taken while there is some: a task must be able to say how it ended on a full disk.
RESERVE_BYTES = 16_384
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
RETRY_S = 0.2


class Report:
    def __init__(self, reports_fd, task_id):
        self._fd = reports_fd
        self._name = task_id + ".json"
        self._draft = "." + task_id + ".draft"
        self._last = "." + task_id + ".last"
        self.fields = {"boot": _read("/proc/sys/kernel/random/boot_id"), "phases": [], "cgroups": []}

    def claim(self):
        """Writes the first report. False when there is one: another start of this task came first."""
        # A draft of its own: a second start of the same task may be drafting at this moment.
        draft = "%s.%d" % (self._draft, os.getpid())
        self._write(draft, json.dumps(self.fields), os.O_CREAT | os.O_TRUNC)
        try:
            # A link is made whole or not at all, so a claim never lacks its content.
            os.link(draft, self._name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            return True
        except FileExistsError:
            return False
        finally:
            os.unlink(draft, dir_fd=self._fd)

    def owner(self, pid):
        """`pid` answers for the task from now on."""
        self.fields["pid"] = pid
        self.fields["start"] = _start_ticks(pid)

    def phase(self, name):
        self.fields["phases"].append({"phase": name, "at": _now()})

    def reserve(self):
        """Takes the room that the last report will need."""
        self._write(self._last, " " * RESERVE_BYTES, os.O_CREAT)

    def ended(self, cause, code, reason, blame):
        """Sets how the task ended and makes it durable. The last report of a task; waits while there is no room."""
        exit = {"cause": cause, "code": code, "blame": blame}
        if reason:
            exit["reason"] = reason
        self.fields["exit"] = exit
        self.fields["endedAt"] = _now()
        # Blanks after it are JSON as well, and what the file holds already needs no room.
        text = json.dumps(self.fields).ljust(RESERVE_BYTES)
        while True:
            try:
                self._write(self._last, text, os.O_CREAT, durable=True)
                os.rename(self._last, self._name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
                os.fsync(self._fd)
                return
            except OSError as error:
                if error.errno not in NO_SPACE:
                    raise
                time.sleep(RETRY_S)

    def save(self):
        self._write(self._draft, json.dumps(self.fields), os.O_CREAT | os.O_TRUNC)
        os.rename(self._draft, self._name, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def _write(self, name, text, flags, durable=False):
        file = os.open(name, os.O_WRONLY | os.O_CLOEXEC | flags, 0o600, dir_fd=self._fd)
        try:
            data = text.encode()
            while data:
                data = data[os.write(file, data) :]
            if durable:
                os.fsync(file)
        finally:
            os.close(file)


def _start_ticks(pid):
    # The name in brackets may hold spaces and brackets itself; what follows the last one is plain.
    return int(_read("/proc/%d/stat" % pid).rpartition(")")[2].split()[19])


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()


def _now():
    return time.time_ns() // 1_000_000
