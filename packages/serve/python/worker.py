"""
Runs one model in Python for the model server, in the environment of the model. It is a process of its own; file
descriptor 3 is its socket to the server, and it ends when that does. Messages are those of `src/worker/frame.ts`: lengths of
head and body, a head of JSON, and the bytes of the tensors, each padded to eight.

Only the standard library is imported before the model is known: what is missing is said in words.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import sys


def main():
    end_with_parent()
    # Whoever ends the task may tell every process of it: the server answers what is under way, and this is needed for that.
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    # Whatever the model starts has no business with it.
    os.set_inheritable(3, False)
    with socket.socket(fileno=3) as link:
        model = None
        while True:
            frame = read_frame(link)
            if frame is None:
                return
            head, body = frame
            try:
                if head["op"] == "load":
                    model = load(head)
                    write_frame(link, model.describe())
                elif head["op"] == "run":
                    names, arrays = model.run(arrays_of(head, body))
                    tensors = [to_tensor(name, array) for name, array in zip(names, arrays)]
                    write_frame(link, {"op": "result", "id": head["id"]}, tensors)
            except Exception as error:
                write_frame(link, failure(head, error))


def end_with_parent():
    """A long computation does not see that the socket is closed."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def load(head):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(name, str(head["threads"]))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
    import models

    return models.load(head["format"], head["path"], head.get("signature"), head["threads"])


def failure(head, error):
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError):
        text = f"{error.name} is not installed for {sys.executable}, and this model needs it"
    sent = {"op": "error", "message": text[:4000], "fault": "input" if isinstance(error, ValueError) else "model"}
    return {**sent, "id": head["id"]} if "id" in head else sent


def read_frame(link):
    """Head and body of the next message; None: the server is gone."""
    start = read_exactly(link, 8)
    if start is None:
        return None
    head_bytes, body_bytes = struct.unpack("<II", start)
    head = read_exactly(link, head_bytes)
    body = read_exactly(link, body_bytes)
    if head is None or body is None:
        return None
    return json.loads(bytes(head)), body


def read_exactly(link, count):
    buffer = bytearray(count)
    view = memoryview(buffer)
    got = 0
    while got < count:
        more = link.recv_into(view[got:])
        if more == 0:
            return None
        got += more
    return buffer


def write_frame(link, head, tensors=()):
    named = [{key: tensor[key] for key in ("name", "type", "shape", "bytes")} for tensor in tensors]
    text = json.dumps({**head, "tensors": named} if named else head).encode()
    text += b" " * (-len(text) % 8)
    parts = [text]
    for tensor in tensors:
        parts += [tensor["data"], b"\0" * (-tensor["bytes"] % 8)]
    body_bytes = sum(tensor["bytes"] + -tensor["bytes"] % 8 for tensor in tensors)
    # One after another without joining them: a copy of a large answer costs more than a call.
    link.sendall(struct.pack("<II", len(text), body_bytes))
    for part in parts:
        if len(part) > 0:
            link.sendall(part)


def arrays_of(head, body):
    import numpy as np

    arrays = {}
    at = 0
    for tensor in head.get("tensors", ()):
        size = tensor["bytes"]
        part = memoryview(body)[at : at + size]
        at += size + -size % 8
        if tensor["type"] == "string":
            flat = np.array([None, *unpack_strings(part)], dtype=object)[1:]
        else:
            flat = np.frombuffer(part, dtype=np.dtype(tensor["type"]).newbyteorder("<"))
        arrays[tensor["name"]] = flat.reshape(tensor["shape"])
    return arrays


def unpack_strings(part):
    at = 0
    while at < len(part):
        (length,) = struct.unpack_from("<I", part, at)
        value = bytes(part[at + 4 : at + 4 + length])
        at += 4 + length
        try:
            yield value.decode()
        except UnicodeDecodeError:
            yield value


def to_tensor(name, array):
    import models
    import numpy as np

    array = np.asarray(array)
    kind = models.type_of(array)
    if kind == "string":
        values = [value if isinstance(value, bytes) else str(value).encode() for value in array.ravel().tolist()]
        data = b"".join(struct.pack("<I", len(value)) + value for value in values)
    else:
        data = np.ascontiguousarray(array, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
    return {"name": name, "type": kind, "shape": list(array.shape), "bytes": len(data), "data": data}


if __name__ == "__main__":
    main()
