"""Tries what this machine's kernel allows, in processes of its own, and prints the answer as one JSON object.

probe.py FOLDER   where FOLDER is on the disk that will hold the tasks' scratch files

{ "python": path, "version": "3.11.2", "rootNamespaces": null | problem, "userNamespaces": null | problem,
  "machineOverlay": null | problem, "folderOverlay": null | problem }
"""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import deletion
import linux
from failure import in_words

FLAGS = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS


def main():
    folder = tempfile.mkdtemp(dir=sys.argv[1], prefix=".probe-")
    try:
        print(json.dumps(_probe(folder)))
    finally:
        deletion.delete(folder)


def _probe(folder):
    answer = {"python": sys.executable, "version": "%d.%d.%d" % sys.version_info[:3]}
    user = os.geteuid()
    answer["rootNamespaces"] = _try(lambda: _namespaces(0)) if user == 0 else "not run as root"
    plain = answer["rootNamespaces"] is None
    answer["userNamespaces"] = _try(lambda: _namespaces(linux.CLONE_NEWUSER))
    enter = (lambda: _namespaces(0)) if plain else (lambda: _namespaces(linux.CLONE_NEWUSER))
    answer["machineOverlay"] = _try(lambda: (enter(), _overlay("/", folder + "/machine", plain)))
    lower = folder + "/lower"
    os.mkdir(lower)
    answer["folderOverlay"] = _try(lambda: (enter(), _overlay(lower, folder + "/folder", plain)))
    return answer


def _namespaces(extra):
    user, group = os.getuid(), os.getgid()
    linux.unshare(FLAGS | extra)
    if extra:
        maps = {"setgroups": "deny", "uid_map": "0 %d 1" % user, "gid_map": "0 %d 1" % group}
        for name, text in maps.items():
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    # A new /proc can only be mounted from inside the new pid namespace.
    problem = _try(_mount_proc)
    if problem:
        raise OSError("no /proc of its own: " + problem)


def _mount_proc():
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)


def _overlay(lower, base, plain):
    for name in ("upper", "work", "at"):
        os.makedirs("%s/%s" % (base, name))
    data = "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (lower, base, base)
    linux.mount("overlay", base + "/at", "overlay", 0, data + ("" if plain else ",userxattr"))


def _try(attempt):
    """Runs `attempt` in a child of its own. None when it went well, else what went wrong."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
        except BaseException as error:
            os.write(writer, in_words(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as pipe:
        problem = pipe.read()
    os.waitpid(pid, 0)
    return problem or None


if __name__ == "__main__":
    main()
