"""Calls to the kernel that Python's standard library does not offer. Every failure raises OSError."""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_UNBINDABLE = 0x20000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

AT_FDCWD = -100
AT_RECURSIVE = 0x8000

_libc = ctypes.CDLL(None, use_errno=True)
_machine = os.uname().machine
# The numbers differ by processor; calls added since Linux 5.1 have one number everywhere.
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}.get(_machine)
_SYS_MOUNT_SETATTR = 442
_CAPABILITY_VERSION_3 = 0x20080522


class _MountAttr(ctypes.Structure):
    """`struct mount_attr` of mount_setattr(2)."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def unshare(flags):
    """Moves this process (and for pids: its next child) into new namespaces."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source, target, kind, flags, data=None):
    """mount(2). `source`, `kind` and `data` may be None."""
    result = _libc.mount(_bytes(source), _bytes(target), _bytes(kind), ctypes.c_ulong(flags), _bytes(data))
    _check(result, "mount on", target)


def unmount(target, flags=0):
    _check(_libc.umount2(_bytes(target), ctypes.c_int(flags)), "unmount", target)


def bind(source, target, recursive=False):
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))


def restrict(target, flags, recursive=False):
    """Adds MS_RDONLY, MS_NOSUID, MS_NODEV or MS_NOEXEC to a mount; what it forbids already stays forbidden."""
    # The MOUNT_ATTR_* bits of these four have the values of their MS_* names.
    attr = _MountAttr(attr_set=flags)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(AT_FDCWD),
        ctypes.c_char_p(_bytes(target)),
        ctypes.c_uint(AT_RECURSIVE if recursive else 0),
        ctypes.byref(attr),
        ctypes.c_size_t(ctypes.sizeof(attr)),
    )
    if result == 0:
        return
    if ctypes.get_errno() != 38:  # ENOSYS: a kernel before 5.12
        _check(result, "mount_setattr on", target)
    for path in [mount.path for mount in mounts() if _within(mount.path, target)] if recursive else [target]:
        _remount(path, flags)


def set_read_only(target, read_only):
    """Makes a mount read-only or writable again. Raises OSError EBUSY while a file of it is open for writing."""
    _remount(target, MS_RDONLY if read_only else 0, without=0 if read_only else MS_RDONLY)


def set_namespace(path):
    """Enters the namespace that a file in /proc/<pid>/ns stands for."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(handle)
    finally:
        os.close(handle)


def enter(handle):
    """Enters the namespace that an open file of /proc/<pid>/ns stands for; a pid namespace is for children."""
    _check(_libc.setns(handle, 0), "setns")


def pivot_root(new_root):
    """Makes `new_root` the root of this mount namespace and lets go of the old one."""
    os.chdir(new_root)
    _check(_libc.syscall(ctypes.c_long(_SYS_PIVOT_ROOT), b".", b"."), "pivot_root to", new_root)
    unmount(".", MNT_DETACH)
    os.chdir("/")


def sethostname(name):
    text = name.encode()
    _check(_libc.sethostname(text, ctypes.c_size_t(len(text))), "sethostname")


def sync_file_system(path):
    """Forces what was written to the file system of `path` to the disk."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.syncfs(ctypes.c_int(file)), "syncfs")
    finally:
        os.close(file)


def prctl(option, value=0):
    """prctl(2) with one number; the unused arguments must be zero."""
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero), "prctl")


def keep_capabilities(kept):
    """Gives up every capability but those numbered in `kept`, for this process and all that come from it."""
    for number in range(64):
        if number not in kept:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError:
                break  # past the last one that this kernel knows
    try:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    except OSError:
        pass  # a kernel without ambient capabilities
    header = _CapHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapData * 2)()
    for number in kept:
        word = data[number // 32]
        word.effective |= 1 << (number % 32)
        word.permitted |= 1 << (number % 32)
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")


def set_seccomp_filter(program):
    """Installs a classic BPF program, given as packed `struct sock_filter`s."""

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    fprog = Program(len(program) // 8, program)
    zero = ctypes.c_ulong(0)
    mode_filter = ctypes.c_ulong(2)
    _check(_libc.prctl(ctypes.c_int(PR_SET_SECCOMP), mode_filter, ctypes.byref(fprog), zero, zero), "seccomp")


class MountPoint:
    """One line of /proc/self/mountinfo."""

    def __init__(self, line):
        before, after = line.split(" - ", 1)
        fields = before.split(" ")
        self.device = fields[2]
        self.root = _unescape(fields[3])
        self.path = _unescape(fields[4])
        self.options = fields[5].split(",")
        self.kind, source = after.split(" ")[:2]
        self.source = _unescape(source)


def mounts():
    """The mounts of this namespace, in the order in which they were made."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [MountPoint(line.rstrip("\n")) for line in file]


def _remount(path, flags, without=0):
    kept = flags
    present = os.statvfs(path).f_flag
    # ST_RDONLY, ST_NOSUID, ST_NODEV and ST_NOEXEC are 1, 2, 4, 8 as the MS_* flags are. The kernel refuses a
    # remount that leaves out a flag which a more privileged namespace has set.
    kept |= present & 0xF
    for st_flag, ms_flag in ((0x400, 0x400), (0x800, 0x800), (0x1000, 0x200000)):  # noatime nodiratime relatime
        if present & st_flag:
            kept |= ms_flag
    mount(None, path, None, MS_REMOUNT | MS_BIND | kept & ~without)


def _within(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _unescape(text):
    """mountinfo writes space, tab, newline and backslash as three octal digits."""
    if "\\" not in text:
        return text
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def _bytes(value):
    return None if value is None else os.fsencode(value)


def _check(result, what, subject=""):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, ("%s %s" % (what, subject)).strip() + ": " + os.strerror(number))
