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
    """A socket belongs for good to the network in which it was made: a child makes it there, and hands it over."""
    near, far = socket.socketpair()
    with near, far:
        child = os.fork()
        if child == 0:
            try:
                _enter(pid)
                with socket.socket() as listener:
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    listener.bind(address)
                    listener.listen(128)
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
    listener = socket.socket(fileno=handles[0])
    listener.setblocking(False)
    return listener


def _enter(pid):
    """Enters the network of a process, by way of its user namespace where that is another one."""
    handles = []
    for kind in ("user", "net"):
        path = "/proc/%d/ns/%s" % (pid, kind)
        if os.stat(path).st_ino != os.stat("/proc/self/ns/" + kind).st_ino:
            handles.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        elif kind == "net":
            raise OSError("the task has no network of its own")
    for handle in handles:
        if _libc.setns(handle, 0) == -1:
            raise OSError("setns: " + os.strerror(ctypes.get_errno()))


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
