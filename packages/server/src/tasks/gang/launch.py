#!/usr/bin/env python3
"""Starts commands on the other nodes of a gang, in place of rsh: for `mpirun` and its like.

`launch serve` waits for commands on this node; `launch HOST COMMAND…` runs one there and exits as it did.

Both ends know the key of the gang, and prove it: each sends a number that nobody can foresee, and HMAC-SHA256 (RFC
2104) of both numbers and of the command. So nobody else starts anything, repeats what was heard, or changes a command
on its way. What the command writes is not hidden: it travels within the machine, or in the network of the gang.
"""

import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
HEAD = struct.Struct(">cI")
MOST_BYTES = 1 << 20
HANDSHAKE_S = 30
RETRY_S = 0.2


def main():
    if sys.argv[1:] == ["serve"]:
        serve()
    if len(sys.argv) < 3:
        sys.exit("Use: launch serve, or launch HOST COMMAND…")
    # As rsh does: the words are one line for a shell.
    sys.exit(run(sys.argv[1], " ".join(sys.argv[2:])))


def serve():
    host = socket.gethostname()
    listener = socket.create_server((host, ports()[host]), backlog=64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def run(host, command):
    port = ports().get(host)
    if port is None:
        sys.exit("launch: there is no node %s in this gang." % host)
    with _connect(host, port) as connection, connection.makefile("rb") as stream:
        theirs = _line(stream)["nonce"]
        ours = secrets.token_hex(16)
        send(connection, {"nonce": ours, "command": command, "proof": proof("run", theirs, ours, command)})
        if not hmac.compare_digest(_line(stream)["proof"], proof("done", theirs, ours, command)):
            sys.exit("launch: %s is not a node of this gang." % host)
        connection.settimeout(None)
        return _pass_on(stream)


def _pass_on(stream):
    """Writes what the command writes, until it has ended. Returns its exit code."""
    outputs = {b"o": sys.stdout.buffer, b"e": sys.stderr.buffer}
    while True:
        head = stream.read(HEAD.size)
        if len(head) < HEAD.size:
            return 255
        kind, size = HEAD.unpack(head)
        if kind == b"x":
            return size
        outputs[kind].write(stream.read(size))
        outputs[kind].flush()


def _answer(connection):
    with connection:
        try:
            _serve_one(connection)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # somebody who is no node, or who went away


def _serve_one(connection):
    connection.settimeout(HANDSHAKE_S)
    ours = secrets.token_hex(16)
    send(connection, {"nonce": ours})
    with connection.makefile("rb") as stream:
        asked = _line(stream)
    command, theirs = str(asked["command"]), str(asked["nonce"])
    if not hmac.compare_digest(str(asked["proof"]), proof("run", ours, theirs, command)):
        return
    send(connection, {"proof": proof("done", ours, theirs, command)})
    connection.settimeout(None)
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    lock = threading.Lock()
    pumps = [
        threading.Thread(target=_pump, args=(connection, lock, kind, pipe), daemon=True)
        for kind, pipe in ((b"o", process.stdout), (b"e", process.stderr))
    ]
    for pump in pumps:
        pump.start()
    code = process.wait()
    for pump in pumps:
        pump.join(1)  # a daemon that it left behind may hold its output open
    with lock:
        connection.sendall(HEAD.pack(b"x", code if code >= 0 else 128 - code))


def _pump(connection, lock, kind, pipe):
    while True:
        data = os.read(pipe.fileno(), 65536)
        if not data:
            return
        try:
            with lock:
                connection.sendall(HEAD.pack(kind, len(data)) + data)
        except OSError:
            pass  # nobody listens any more; the command need not notice


def _connect(host, port):
    """Waits for a node that is not up yet: it may still be getting its environment."""
    last = time.monotonic() + float(os.environ.get("NABLA_START_LIMIT", "1800"))
    while True:
        try:
            return socket.create_connection((host, port), timeout=HANDSHAKE_S)
        except OSError as error:
            if time.monotonic() > last:
                sys.exit("launch: %s does not answer: %s." % (host, error.strerror or error))
            time.sleep(RETRY_S)


def send(connection, value):
    connection.sendall(json.dumps(value).encode() + b"\n")


def _line(stream):
    line = stream.readline(MOST_BYTES)
    if not line.endswith(b"\n"):
        raise ValueError("no whole line")
    return json.loads(line)


def proof(what, *parts):
    text = json.dumps([what, *parts]).encode()
    with open(FOLDER + "/key", "rb") as file:
        return hmac.new(file.read(), text, hashlib.sha256).hexdigest()


def ports():
    """Where the nodes listen, by name."""
    with open(FOLDER + "/nodes", encoding="utf-8") as file:
        return {name: int(port) for name, port in (line.split() for line in file)}


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    main()
