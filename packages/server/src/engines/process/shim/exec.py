"""Runs one program inside a task that runs, and stands between it and the server.

Its standard streams are those of the program. On descriptor 3 come lines of JSON: first the request
  {"settings", "folder", "pid", "argv", "env", "cwd"?, "terminal"?: {"columns", "rows"}}
and then {"columns", "rows"} when the size of the terminal changes; its end ends the program. On descriptor 4 go
  {"started": true}, {"error": a sentence} and {"exit": code}

Three processes: this one, which stays where it is and passes bytes on; one that enters the namespaces of the task,
where it does as little as can be; and the program, which has given up what a task may not have.
"""

import array  # noqa: F401: what socket.send_fds would import later, when only files of the task are there
import codecs
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import termios
import threading
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import linux
import sandbox
from cgroups import ControlGroups
from failure import Failure, in_words

CONTROL, ANSWER = 3, 4
CHUNK_BYTES = 65_536
# When all else has ended, something in the background may still hold on to the output.
DRAIN_S = 0.4
HANGUP_S = 2
# In this order: the user namespace gives the right to enter the others.
NAMESPACES = ("user", "mnt", "ipc", "uts", "cgroup", "pid")


def main():
    control = os.fdopen(CONTROL, "rb", buffering=0, closefd=False)
    request = json.loads(_line(control))
    try:
        _run(request, control)
    except Failure as failure:
        _answer(error=failure.reason)
    except Exception as error:
        traceback.print_exc()
        _answer(error=in_words(error))


def _run(request, control):
    with open(request["folder"] + "/spec.json", encoding="utf-8") as file:
        spec = json.load(file)
    command = _command_of(request["pid"])
    env = {**_environment_of(command, spec["env"]), **request["env"]}
    if "terminal" in request:
        env.setdefault("TERM", "xterm-256color")
        if env["TERM"] == "dumb":
            env["TERM"] = "xterm-256color"
    groups = ControlGroups(request["settings"], spec["id"], spec["resources"])
    groups.find()
    here, there = socket.socketpair()
    pipes = [] if "terminal" in request else [os.pipe() for _ in range(3)]
    handles = [os.open("/proc/%d/ns/%s" % (command, name), os.O_RDONLY | os.O_CLOEXEC) for name in _namespaces(request)]
    program = {
        "argv": request["argv"],
        "env": env,
        "cwd": request.get("cwd") or spec["workingDir"],
        "size": request.get("terminal"),
        "resources": spec["resources"],
    }
    pid = os.fork()
    if pid == 0:
        here.close()
        null = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, CONTROL, ANSWER):
            os.dup2(null, number, inheritable=number < CONTROL)
        try:
            _enter(handles, program, pipes, groups, there)
        finally:
            os._exit(1)
    there.close()
    streams = _streams(here, pipes)
    _Relay(here, pid, streams, control, "terminal" in request).run()


def _namespaces(request):
    return [name for name in NAMESPACES if name != "user" or request["settings"]["userNamespace"]]


def _enter(handles, program, pipes, groups, there):
    """In a process of its own. What it would import from now on would be a file of the task, so nothing is."""
    for name in ("ascii", "utf-8", "latin-1"):
        codecs.lookup(name)
    sys.path.clear()
    sys.meta_path.clear()
    try:
        for handle in handles:
            linux.enter(handle)
            os.close(handle)
        if program["size"] is None:
            streams = (pipes[0][0], pipes[1][1], pipes[2][1])
        else:
            terminal = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            fcntl.ioctl(terminal, _TIOCSPTLCK, struct.pack("i", 0))
            resize(terminal, program["size"])
            peer = fcntl.ioctl(terminal, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            socket.send_fds(there, [b"t"], [terminal])
            os.close(terminal)
            streams = (peer, peer, peer)
        # Closed by the program's own start, so that silence means success.
        reader, writer = os.pipe()
        pid = os.fork()
    except OSError as error:
        there.sendall(b"e" + in_words(error).encode())
        return
    if pid == 0:
        _become(program, streams, groups, writer)
    for stream in {writer, *streams, *(end for pair in pipes for end in pair)}:
        os.close(stream)
    problem = os.read(reader, 4096)
    if problem:
        there.sendall(b"e" + problem)
        return
    there.sendall(b"p%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    there.sendall(b"x%d\n" % (code if code >= 0 else 128 - code))


# asm-generic/ioctls.h
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441


def _become(program, streams, groups, writer):
    try:
        sandbox.become(
            program["env"],
            program["cwd"],
            streams,
            groups,
            program["resources"],
            has_terminal=program["size"] is not None,
        )
        _execute(program["argv"], program["env"])
    except BaseException as error:
        os.write(writer, in_words(error).encode()[:2000])
    finally:
        os._exit(126)


def _execute(argv, env):
    """As execvpe(3), whose Python version imports when it is called."""
    if "/" in argv[0]:
        os.execve(argv[0], argv, env)
    denied = None
    for folder in env.get("PATH", "/usr/bin:/bin").split(":"):
        try:
            os.execve((folder or ".") + "/" + argv[0], argv, env)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            denied = error
    if denied:
        raise denied
    raise Failure("there is no program " + argv[0][:100])


def _streams(here, pipes):
    """What the server's input goes to and its outputs come from: the terminal, once it is there, or three pipes."""
    if pipes:
        for end in (pipes[0][0], pipes[1][1], pipes[2][1]):
            os.close(end)
        return {"input": pipes[0][1], "outputs": {1: pipes[1][0], 2: pipes[2][0]}}
    message, handles, _, _ = socket.recv_fds(here, 4096, 1)
    if not handles:
        raise Failure(message[1:].decode(errors="replace") or "its first process has ended")
    return {"input": os.dup(handles[0]), "outputs": {1: handles[0]}, "terminal": handles[0]}


def resize(terminal, size):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size["rows"], size["columns"], 0, 0))


class _Relay:
    def __init__(self, here, entered, streams, control, has_terminal):
        self._here = here
        self._entered = entered
        self._streams = streams
        self._control = control
        self._has_terminal = has_terminal
        self._pid = None

    def run(self):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        outputs = [
            threading.Thread(target=_copy, args=(source, target), daemon=True)
            for target, source in self._streams["outputs"].items()
        ]
        lines = self._here.makefile("rb")
        first = lines.readline()
        if first.startswith(b"p"):
            self._pid = int(first[1:])
            for output in outputs:
                output.start()
            threading.Thread(target=self._feed, daemon=True).start()
            threading.Thread(target=self._obey, daemon=True).start()
            _answer(started=True)
            last = lines.readline()
        else:
            _answer(error=first[1:].decode(errors="replace").strip() or "its first process has ended")
            os._exit(0)
        for output in outputs:
            output.join(DRAIN_S)
        _answer(exit=int(last[1:]) if last.startswith(b"x") else 137)
        os._exit(0)

    def _feed(self):
        _copy(0, self._streams["input"])
        if not self._has_terminal:
            os.close(self._streams["input"])

    def _obey(self):
        while True:
            line = _line(self._control)
            if not line:
                break
            if self._has_terminal:
                resize(self._streams["terminal"], json.loads(line))
        self._end()

    def _end(self):
        """As a terminal that is closed would."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            try:
                os.killpg(self._pid, number)
            except OSError:
                return
            select.select([], [], [], HANGUP_S)


def _copy(source, target):
    try:
        while True:
            data = os.read(source, CHUNK_BYTES)
            if not data:
                return
            while data:
                data = data[os.write(target, data) :]
    except OSError:
        pass  # the other side has gone; a terminal says so by EIO


def _command_of(first):
    """A process of the task that runs: a child of its first process, which lets nobody look into itself."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as file:
                fields = file.read().rsplit(b")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == first and fields[0] not in (b"Z", b"X"):
            return int(name)
    raise Failure("its command does not run")


def _environment_of(pid, otherwise):
    """What the command was started with: also what its Python environment adds."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            text = file.read()
    except OSError:
        return otherwise
    pairs = [os.fsdecode(pair).split("=", 1) for pair in text.split(b"\0") if b"=" in pair]
    return dict(pairs) or otherwise


def _line(file):
    """Unbuffered: what follows is not ours to read ahead."""
    line = b""
    while not line.endswith(b"\n"):
        byte = file.read(1)
        if not byte:
            return b""
        line += byte
    return line


def _answer(**answer):
    try:
        os.write(ANSWER, (json.dumps(answer)[:4000] + "\n").encode())
    except OSError:
        pass  # the server has gone


if __name__ == "__main__":
    main()
