"""Starts a program as the task's own: within its limits and without the rights of the shim."""

import fcntl
import os
import resource
import signal
import termios

import linux
import seccomp
from failure import Failure, in_words

# What a container is usually given, without the right to make device files: see capabilities(7).
# chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot,
# audit_write, setfcap.
CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31)
MOST_OPEN_FILES = 20_000
# If the machine runs out of memory, a task's processes go before its shim and before the server.
OOM_SCORE_ADJ = 500
ALL_SIGNALS = signal.valid_signals()


def spawn(argv, env, cwd, stdout, stderr, groups, resources):
    """Starts `argv` and returns its pid. Failure when it cannot be started."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        with open(reader, encoding="utf-8", errors="replace") as pipe:
            problem = pipe.read()
        if problem:
            os.waitpid(pid, 0)
            raise Failure(problem)
        return pid
    try:
        become(env, cwd, (os.open("/dev/null", os.O_RDONLY), stdout, stderr), groups, resources)
        os.execve(argv[0], argv, env)
    except BaseException as error:
        os.write(writer, ("The command could not be started: %s." % in_words(error)).encode())
    finally:
        os._exit(126)


def become(env, cwd, streams, groups, resources, has_terminal=False):
    """Makes this process one of the task's own; `streams` become its standard ones, the first one its terminal."""
    os.setsid()
    if has_terminal:
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    # The shim hides its own memory and files; what it starts may be looked at by the task.
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    groups.join()
    linux.unshare(linux.CLONE_NEWCGROUP)
    groups.show()
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(OOM_SCORE_ADJ))
    _limit(groups, resources)
    os.chdir(cwd)
    os.umask(0o022)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    linux.keep_capabilities(CAPABILITIES)
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    filter = seccomp.program()
    if filter:
        linux.set_seccomp_filter(filter)


def _limit(groups, resources):
    _soft(resource.RLIMIT_NOFILE, MOST_OPEN_FILES)
    _hard(resource.RLIMIT_CORE, 0)
    if not groups.limits("pids"):
        _hard(resource.RLIMIT_NPROC, resources["pids"])
    if not groups.limits("memory"):
        # Private memory that can be written, of one process. Address space would be the wrong measure: numerical
        # libraries reserve much more of it than they use.
        _hard(resource.RLIMIT_DATA, resources["memoryBytes"])


def _soft(kind, most):
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (_least(hard, most), hard))


def _hard(kind, most):
    value = _least(resource.getrlimit(kind)[1], most)
    resource.setrlimit(kind, (value, value))


def _least(hard, most):
    return most if hard == resource.RLIM_INFINITY else min(hard, most)
