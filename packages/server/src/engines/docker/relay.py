"""Lets tasks that have networks of their own reach one port of this machine, and no other.

For each task it listens on a loopback address inside the network of the task, where nobody else gets to, and passes every
connection on to the port. A connection goes out from an address of 127/8 that is that of the task, so that whoever listens
can tell tasks apart.

Reads one JSON object a line from stdin:
  {"settings": {"host", "port", "connections"}}      first, once: where it listens, and how many connections a task may have
  {"target": port}                                   where they go, on 127.0.0.1
  {"number": n, "open": name, "pid": p, "from": ip}  -> {"number": n} on stdout when it listens in the network of that process
  {"close": name}
An answer may carry "error": a sentence. It ends with its stdin.
"""

import asyncio
import ctypes
import json
import os
import socket
import sys

_CHUNK = 65536
_libc = ctypes.CDLL(None, use_errno=True)


class Relay:
    def __init__(self, settings):
        self._settings = settings
        self._target = None
        self._tasks = {}

    async def serve(self, request):
        if "target" in request:
            self._target = request["target"]
        elif "close" in request:
            self._close(request["close"])
        elif "open" in request:
            error = None
            try:
                await self._open(request["open"], request["pid"], request["from"])
            except OSError as failure:
                error = str(failure)
            _answer(request["number"], error)

    async def _open(self, name, pid, source):
        if name in self._tasks:
            return
        listener = _listen_in(pid, (self._settings["host"], self._settings["port"]))
        task = {"connections": set(), "from": source}
        task["server"] = await asyncio.start_server(lambda *ends: self._connected(task, *ends), sock=listener)
        self._tasks[name] = task

    def _close(self, name):
        task = self._tasks.pop(name, None)
        if task is None:
            return
        task["server"].close()
        for connection in task["connections"]:
            connection.cancel()

    async def _connected(self, task, reader, writer):
        ends = [writer]
        mine = asyncio.current_task()
        task["connections"].add(mine)
        try:
            if self._target is None or len(task["connections"]) > self._settings["connections"]:
                return
            there = await asyncio.open_connection("127.0.0.1", self._target, local_addr=(task["from"], 0))
            ends.append(there[1])
            await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
        except (OSError, RuntimeError, asyncio.CancelledError):
            pass  # one end has gone, or the task has: the other end sees that by being closed
        finally:
            task["connections"].discard(mine)
            for end in ends:
                end.close()


async def _pump(reader, writer):
    while True:
        data = await reader.read(_CHUNK)
        if not data:
            writer.write_eof()
            return
        writer.write(data)
        await writer.drain()


def _listen_in(pid, address):
    """A socket belongs for good to the network in which it was made."""
    if _same_namespace(pid, "net"):
        raise OSError("the task has no network of its own")
    listener = _visit(pid, address) if _same_namespace(pid, "user") else _send_for(pid, address)
    listener.setblocking(False)
    return listener


def _visit(pid, address):
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(pid, "net")
        try:
            return _bind(address)
        finally:
            if _libc.setns(home, 0) == -1:
                os._exit(1)  # whoever started us starts another one
    finally:
        os.close(home)


def _send_for(pid, address):
    """There is no way back from another user namespace: a child goes there, and hands the socket over."""
    near, far = socket.socketpair()
    with near, far:
        child = os.fork()
        if child == 0:
            try:
                _enter(pid, "user", "net")
                with _bind(address) as listener:
                    socket.send_fds(far, [b"+"], [listener.fileno()])
            except BaseException as error:
                far.send(b"-" + str(error).encode()[:1000])
            finally:
                os._exit(0)
        try:
            message, handles, _, _ = socket.recv_fds(near, 1024, 1)
        finally:
            os.waitpid(child, 0)
    if not handles:
        raise OSError(message[1:].decode() or "the network of the task could not be entered")
    return socket.socket(fileno=handles[0])


def _bind(address):
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
        return listener
    except BaseException:
        listener.close()
        raise


def _same_namespace(pid, kind):
    return os.stat("/proc/%d/ns/%s" % (pid, kind)).st_ino == os.stat("/proc/self/ns/" + kind).st_ino


def _enter(pid, *kinds):
    """All are opened first: from inside one the others could be out of sight."""
    handles = [os.open("/proc/%d/ns/%s" % (pid, kind), os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
    try:
        for handle in handles:
            if _libc.setns(handle, 0) == -1:
                raise OSError("setns: " + os.strerror(ctypes.get_errno()))
    finally:
        for handle in handles:
            os.close(handle)


def _answer(number, error):
    answer = {"number": number}
    if error:
        answer["error"] = error
    os.write(1, (json.dumps(answer) + "\n").encode())


async def main():
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin.buffer)
    relay = Relay(json.loads(await lines.readline())["settings"])
    while line := await lines.readline():
        await relay.serve(json.loads(line))
    # What is open ends with us: nobody would close it later.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
