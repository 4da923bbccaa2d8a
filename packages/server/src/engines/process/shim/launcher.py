"""Starts tasks for the server, each as a process of its own that outlives both.

Reads one JSON object a line from stdin and answers each with one on stdout:
  {"settings": {...}}                       first, once
  {"number": n, "start": folder}            -> {"number": n} when the task is claimed (or was before)
  {"number": n, "delete": folder}           -> {"number": n} when the folder is gone
  {"number": n, "protect": {"pid", "target", "readOnly"}}
                                            -> {"number": n, "done": false when a file there is open for writing}
An answer may carry "error": a sentence. It ends with its stdin.
"""

import gc
import json
import os
import signal
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import linux
from deletion import delete
from protection import protect
from task import Task


def main():
    # The kernel collects our children, and as long as we are there those that they leave behind: not every machine has
    # a first process that does, containers in particular.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    lines = sys.stdin.buffer
    settings = json.loads(lines.readline())["settings"]
    # What is in memory now stays shared with every child.
    gc.collect()
    gc.freeze()
    gc.disable()
    while True:
        line = lines.readline()
        if not line.endswith(b"\n"):
            return
        _serve(json.loads(line), settings)


def _serve(request, settings):
    try:
        pid = os.fork()
    except OSError as error:
        _answer(request, "The machine has no room for another process: %s." % error)
        return
    if pid:
        return
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if "delete" in request:
            delete(request["delete"])
            _answer(request)
        elif "protect" in request:
            asked = request["protect"]
            done = protect(asked["pid"], asked["target"], asked["readOnly"], settings["userNamespace"])
            _answer(request, done=done)
        else:
            _start(request, settings)
    except BaseException as error:
        traceback.print_exc()
        _answer(request, "%s: %s" % (type(error).__name__, error))
    finally:
        os._exit(0)


def _start(request, settings):
    task = Task(request["start"], settings["reports"], settings)
    claimed = task.claim()
    _answer(request)
    if not claimed:
        return
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    task.detach()
    task.run()


def _answer(request, error=None, done=True):
    answer = {"number": request["number"], "done": done}
    if error:
        answer["error"] = error
    try:
        # Shorter than PIPE_BUF, so that answers of several children do not mix.
        os.write(1, (json.dumps(answer)[:2000] + "\n").encode())
    except OSError:
        pass  # the server has gone; it will see the claim when it is back


if __name__ == "__main__":
    main()
