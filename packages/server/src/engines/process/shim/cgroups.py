"""The control groups of one task, versions 1 and 2. The task's own processes are in them, its shim is not."""

import errno
import os
import time

import linux

PLACE = "/sys/fs/cgroup"
CPU_PERIOD_US = 100_000
# The kernel refuses less than this.
LEAST_CPU_QUOTA_US = 1_000


class ControlGroups:
    def __init__(self, settings, task_id, resources):
        """`settings["cgroups"]` is { "version": 1 | 2, "parents": { controller: folder } }; no parents: no groups."""
        found = settings["cgroups"]
        self._version = found["version"]
        self._folders = {name: "%s/%s" % (parent, task_id) for name, parent in found["parents"].items()}
        self._shown = settings["userNamespace"]
        self._parents = []
        self._procs = []
        self._oom = None
        self._resources = resources

    @property
    def folders(self):
        return sorted(set(self._folders.values()))

    def limits(self, controller):
        return controller in self._folders

    def create(self):
        """Makes the groups and opens what is needed of them, since the task's root will hide them."""
        for folder in self.folders:
            os.makedirs(folder, exist_ok=True)
            parent = os.open(os.path.dirname(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._parents.append((parent, os.path.basename(folder)))
            self._procs.append(os.open(folder + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        for controller, folder in self._folders.items():
            for name, value in self._values(controller):
                _write(folder + "/" + name, value)
        memory = self._folders.get("memory")
        if memory:
            name = "memory.events" if self._version == 2 else "memory.oom_control"
            self._oom = os.open(memory + "/" + name, os.O_RDONLY | os.O_CLOEXEC)

    def find(self):
        """Opens what is needed to join groups that are there."""
        for folder in self.folders:
            self._procs.append(os.open(folder + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))

    def join(self):
        """Moves the calling process into the groups."""
        for procs in self._procs:
            os.write(procs, b"0")

    def show(self):
        """Lets the task see its own groups, and no others, where programs look for their limits."""
        if self._shown or not self._folders or os.path.ismount(PLACE):
            return
        flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
        if self._version == 2:
            linux.mount("cgroup", PLACE, "cgroup2", flags | linux.MS_RDONLY)
            return
        linux.mount("tmpfs", PLACE, "tmpfs", flags, "mode=755,size=4k")
        for controller in self._folders:
            os.mkdir("%s/%s" % (PLACE, controller))
            linux.mount("cgroup", "%s/%s" % (PLACE, controller), "cgroup", flags | linux.MS_RDONLY, controller)
        linux.restrict(PLACE, linux.MS_RDONLY)

    def oom_kills(self):
        """How many processes were killed for want of memory."""
        if self._oom is None:
            return 0
        for line in os.pread(self._oom, 4096, 0).decode().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        return 0

    def remove(self):
        """Removes the groups, once all processes in them have ended."""
        for parent, name in self._parents:
            _remove(parent, name)

    def _values(self, controller):
        two = self._version == 2
        if controller == "cpu":
            quota = max(LEAST_CPU_QUOTA_US, int(self._resources["cpus"] * CPU_PERIOD_US))
            if two:
                return [("cpu.max", "%d %d" % (quota, CPU_PERIOD_US))]
            return [("cpu.cfs_period_us", CPU_PERIOD_US), ("cpu.cfs_quota_us", quota)]
        if controller == "memory":
            size = self._resources["memoryBytes"]
            if two:
                return [("memory.max", size), ("memory.swap.max", 0)]
            return [("memory.limit_in_bytes", size), ("memory.memsw.limit_in_bytes", size)]
        return [("pids.max", self._resources["pids"])]


def _write(path, value):
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(value))
    except FileNotFoundError:
        if "swap" not in path and "memsw" not in path:
            raise  # a kernel without swap accounting lacks these two, and only these


def _remove(parent, name):
    # A process that was reaped a moment ago may still be counted.
    for _ in range(100):
        try:
            os.rmdir(name, dir_fd=parent)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                return
            time.sleep(0.01)
