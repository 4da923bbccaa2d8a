"""The machine as a task sees it: the host's files, with everything that is not the task's business taken away."""

import os
import stat

from linux import (
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_UNBINDABLE,
    bind,
    mount,
    mounts,
    restrict,
)
from places import Root, copy_entry

# Made anew for each task, never taken from the host.
OWN_FOLDERS = ("dev", "proc", "sys", "run", "tmp", "lost+found")
# File systems that are windows into the kernel rather than places for files.
KERNEL_KINDS = {
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
    "tracefs",
}  # fmt: skip
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
READ_ONLY_KNOBS = ("sys", "irq", "bus", "fs", "sysrq-trigger")
MASKED = (
    "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
)  # fmt: skip
GPU_DEVICES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps")
SAFE = MS_NOSUID | MS_NODEV


def build(path, scratch, settings, hostname, hosts, gpus):
    """Builds the machine at the folder `path`, with what it writes in the folder `scratch`. Returns its Root."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    root = Root(path)
    secrets = _everywhere(settings["hide"])
    if settings["copyOnWrite"]:
        _overlay_everything(root, scratch, secrets)
    else:
        _show_read_only(root)
    _kernel_windows(root, settings["userNamespace"])
    _devices(root, gpus)
    _names(root, scratch, hostname, hosts)
    for private in ("/tmp", "/var/tmp"):
        _private_folder(root, scratch, private)
    for secret in secrets:
        _hide(root, secret, settings["copyOnWrite"])
    return root


def overlay(lower, target, scratch, name, flags=SAFE, user_namespace=False):
    """Mounts a copy-on-write view of the folder `lower`; what is written to it goes to `scratch`."""
    upper, work = "%s/%s.upper" % (scratch, name), "%s/%s.work" % (scratch, name)
    os.mkdir(upper)
    os.mkdir(work)
    # The top folder's own mode and owner are those of the upper one.
    shown = os.stat(lower)
    os.chmod(upper, stat.S_IMODE(shown.st_mode))
    if not user_namespace:
        os.chown(upper, shown.st_uid, shown.st_gid)
    data = "lowerdir=%s,upperdir=%s,workdir=%s" % tuple(_escape(path) for path in (lower, upper, work))
    if user_namespace:
        data += ",userxattr"
    try:
        # Nothing outlives the task in there, so nothing need be forced to the disk.
        mount("overlay", target, "overlay", flags, data + ",volatile")
    except OSError:
        mount("overlay", target, "overlay", flags, data)


def _overlay_everything(root, scratch, secrets):
    overlay("/", root.path, scratch, "machine")
    seen = {"/"}
    for number, point in enumerate(mounts()):
        path = point.path
        top = path.split("/")[1]
        if path in seen or point.kind in KERNEL_KINDS or top in OWN_FOLDERS:
            continue
        seen.add(path)
        if any(_within(path, folder) for folder in secrets):
            continue
        _show_mount(root, scratch, number, point)


def _show_mount(root, scratch, number, point):
    """Shows one more file system of the host. One that cannot be shown is left out, as an unplugged disk would be."""
    try:
        target = root.find(point.path)
        if target is None:
            return
        if os.path.isdir(point.path) and point.kind != "tmpfs" and "ro" not in point.options:
            try:
                overlay(point.path, target, scratch, "disk%d" % number)
                return
            except OSError:
                pass  # not every file system can lie under an overlay
        bind(point.path, target)
        restrict(target, SAFE | MS_RDONLY)
    except OSError:
        pass


def _show_read_only(root):
    # Unbindable, so that a bind mount of a folder which holds this root does not take the root along.
    mount("tmpfs", root.path, "tmpfs", SAFE, "mode=755")
    mount(None, root.path, None, MS_UNBINDABLE)
    root.own(root.path)
    for entry in os.scandir("/"):
        if entry.name in OWN_FOLDERS:
            continue
        place = root.path + "/" + entry.name
        copy_entry(entry, "/" + entry.name, place)
        if not entry.is_symlink() and os.path.ismount(place):
            restrict(place, SAFE | MS_RDONLY, recursive=True)


def _kernel_windows(root, user_namespace):
    sys = root.folder("/sys")
    # With a user namespace, the kernel shows what is mounted below only together with the whole.
    bind("/sys", sys, recursive=user_namespace)
    restrict(sys, SAFE | MS_NOEXEC | MS_RDONLY, recursive=True)
    proc = root.folder("/proc")
    mount("proc", proc, "proc", SAFE | MS_NOEXEC)
    for name in READ_ONLY_KNOBS:
        place = proc + "/" + name
        if os.path.exists(place):
            bind(place, place)
            restrict(place, SAFE | MS_NOEXEC | MS_RDONLY)
    for path in MASKED:
        place = root.path + path
        if os.path.exists(place):
            _cover(place)


def _devices(root, gpus):
    dev = root.folder("/dev")
    mount("tmpfs", dev, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k")
    names = list(DEVICES)
    if gpus:
        names += ["nvidia%d" % index for index in gpus] + list(GPU_DEVICES)
    for name in names:
        if os.path.exists("/dev/" + name):
            _show_device(name, dev + "/" + name)
    os.mkdir(dev + "/pts")
    mount("devpts", dev + "/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.mkdir(dev + "/shm")
    mount("tmpfs", dev + "/shm", "tmpfs", SAFE, "mode=1777")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        os.symlink(target, dev + "/" + name)


def _show_device(name, place):
    if os.path.isdir("/dev/" + name):
        os.mkdir(place)
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))
    bind("/dev/" + name, place)


def _names(root, scratch, hostname, hosts):
    """/run starts empty but for the name servers, and the task finds itself, and those it knows, under their names."""
    root.empty("/run")
    os.mkdir(root.path + "/run/lock")
    servers = os.path.realpath("/etc/resolv.conf")
    if servers.startswith("/run/") and os.path.isfile(servers):
        bind(servers, root.file(servers))
    known = ""
    if os.path.exists("/etc/hosts"):
        with open("/etc/hosts", encoding="utf-8", errors="replace") as file:
            known = file.read()
    names = {hostname: "127.0.1.1", **hosts}
    own = scratch + "/hosts"
    with open(own, "w", encoding="utf-8") as file:
        # The first one that names a host counts.
        file.writelines("%s %s\n" % (address, name) for name, address in names.items())
        file.write(known.rstrip("\n") + "\n")
    os.chmod(own, 0o644)
    bind(own, root.file("/etc/hosts"))


def _private_folder(root, scratch, path):
    own = scratch + path.replace("/", "-")
    os.mkdir(own)
    os.chmod(own, 0o1777)
    place = root.folder(path)
    bind(own, place)
    restrict(place, SAFE)


def _hide(root, secret, copy_on_write):
    place = root.find(secret)
    if place is None:
        return
    if os.path.isdir(place):
        _cover(place)
    elif copy_on_write and os.path.basename(place).rstrip("-") in ("shadow", "gshadow"):
        _without_passwords(place)
    elif copy_on_write:
        os.unlink(place)
    else:
        _cover(place)


def _cover(place):
    if os.path.isdir(place):
        mount("tmpfs", place, "tmpfs", SAFE | MS_RDONLY, "mode=555,size=4k")
    else:
        bind("/dev/null", place)


def _without_passwords(place):
    """Programs that add users need this file; nobody needs the passwords in it."""
    with open(place, encoding="utf-8", errors="surrogateescape") as file:
        rows = [line.split(":") for line in file.read().splitlines()]
    for row in rows:
        if len(row) > 1:
            row[1] = "*"
    with open(place, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(":".join(row) + "\n" for row in rows)


def _everywhere(paths):
    """The paths, and every other place where a mount of this machine shows the same files."""
    points = mounts()
    paths = [os.path.realpath(path) for path in paths]
    found = list(paths)
    for path in paths:
        holder = _holder(points, path)
        if holder is None:
            continue
        inner = os.path.normpath(holder.root + "/" + os.path.relpath(path, holder.path))
        for point in points:
            if point is not holder and point.device == holder.device and _within(inner, point.root):
                found.append(os.path.normpath(point.path + "/" + os.path.relpath(inner, point.root)))
    return [os.path.normpath(path) for path in dict.fromkeys(found)]


def _holder(points, path):
    """The mount that `path` is on: the last one made of those with the longest path."""
    holder = None
    for point in points:
        if _within(path, point.path) and (holder is None or len(point.path) >= len(holder.path)):
            holder = point
    return holder


def _within(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _escape(path):
    for character in "\\:,":
        path = path.replace(character, "\\" + character)
    return path
