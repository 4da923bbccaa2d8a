"""The Python environment of a task: built once for what is in its requirements file, then shared by later tasks."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import stat
import time

import linux
import sandbox
from deletion import delete
from failure import Failure
from installer import BuildFailure, Installer
from machine import overlay
from supervision import Stopped

BASE = "/opt/nabla"
# An environment holds its own path in many places, so this path is the same for all.
ENVIRONMENT = BASE + "/environment"
CACHE = BASE + "/cache"
SCRATCH = BASE + "/scratch"
MOST_REQUIREMENTS_BYTES = 1 << 20
MOST_INCLUDES = 32
LOCK_POLL_S = 0.1
# A line that installs from files: a path, or an editable install.
LOCAL = re.compile(r"^\s*(?:-e\b|--editable\b|\.|/|file:|\S+\s*@\s*file:)", re.MULTILINE)
# Changed when environments built before can no longer be used.
KIND = 1


def attach(root, spec, scratch):
    """Mounts what `prepare` will need, while the host's files can still be seen."""
    if "python" not in spec:
        return
    cache, own = spec["python"]["cacheDir"], scratch + "/environment"
    for folder in (own, cache + "/environments", cache + "/building", cache + "/tools"):
        os.makedirs(folder, exist_ok=True)
    for source, target in ((cache, CACHE), (own, SCRATCH)):
        place = root.folder(target)
        linux.bind(source, place)
        linux.restrict(place, linux.MS_NOSUID | linux.MS_NODEV)
    root.folder(ENVIRONMENT)


def prepare(task, supervision, system, packages):
    """Makes sure that the environment is there, if the task wants one. Returns the variables for its command."""
    spec = task.spec
    if "python" not in spec:
        return spec["env"]
    try:
        requirements = _read(spec["python"]["requirements"])
        if requirements is None:
            return spec["env"]
        task.begin_environment()
        folder = _ready(task, supervision, system, requirements)
        _show(folder, task.settings["userNamespace"])
        _tell(packages, folder, task.settings["python"]["version"])
    finally:
        for place in (CACHE, SCRATCH):
            linux.unmount(place, linux.MNT_DETACH)
            os.rmdir(place)
    path = "%s/bin:%s" % (ENVIRONMENT, spec["env"]["PATH"])
    return {**spec["env"], "PATH": path, "VIRTUAL_ENV": ENVIRONMENT}


def _ready(task, supervision, system, requirements):
    """The folder of the environment, which is built when it is not there."""
    if LOCAL.search(requirements):
        # What it installs is in the workspace, which may differ with each task.
        _build(task, supervision, system, SCRATCH + "/building", SCRATCH + "/own")
        return SCRATCH + "/own"
    key = _key(requirements, task.settings["python"])
    folder, building = "%s/environments/%s" % (CACHE, key), "%s/building/%s" % (CACHE, key)
    if not os.path.isdir(folder):
        lock = os.open(building + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(lock, supervision, system)
            if not os.path.isdir(folder):
                _build(task, supervision, system, building, folder)
        finally:
            os.close(lock)
    # Whoever tidies the cache can see what is in use.
    os.utime(folder)
    return folder


def _wait_for(lock, supervision, system):
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not told:
                _say(system, "Another task is building the same Python environment; waiting for it.")
                told = True
            supervision.pause(LOCK_POLL_S)


def _build(task, supervision, system, building, folder):
    spec, requirements = task.spec, task.spec["python"]["requirements"]
    delete(building)
    os.mkdir(building, 0o755)
    began = time.monotonic()
    _say(system, "Building a Python environment from %s." % requirements)

    def run(argv, env):
        home = os.path.dirname(requirements)
        pid = sandbox.spawn(argv, env, home, system, system, task.groups, spec["resources"])
        status = supervision.wait(pid)
        if supervision.stopping:
            raise Stopped()
        return os.waitstatus_to_exitcode(status)

    try:
        installer = Installer(task.settings["python"], spec["env"], CACHE, spec["id"], system, run)
        with _place(building, linked=installer.has_uv()):
            installer.install(requirements, ENVIRONMENT)
        linux.sync_file_system(building)
        os.rename(building, folder)
    except BuildFailure as failure:
        if task.groups.oom_kills():
            raise Failure("Installing %s used more memory than the task was given." % requirements, "user") from failure
        raise Failure(failure.reason, failure.blame) from failure
    finally:
        delete(building)
    _say(system, "The Python environment is ready after %.1f s." % (time.monotonic() - began))


@contextlib.contextmanager
def _place(building, linked):
    """Shows the folder that is being built at the path that the environment will have."""
    if linked:
        # uv finds its downloads and the environment on one mount, so it links files instead of copying them.
        os.rmdir(ENVIRONMENT)
        os.symlink(building, ENVIRONMENT)
    else:
        # Python's own venv refuses a symbolic link.
        linux.bind(building, ENVIRONMENT)
    try:
        yield
    finally:
        if linked:
            os.unlink(ENVIRONMENT)
            os.mkdir(ENVIRONMENT, 0o755)
        else:
            linux.unmount(ENVIRONMENT, linux.MNT_DETACH)


def _show(folder, user_namespace):
    """Shows the environment so that the task may install more into it, for itself alone."""
    try:
        overlay(folder, ENVIRONMENT, SCRATCH, "environment", user_namespace=user_namespace)
    except OSError:
        linux.bind(folder, ENVIRONMENT)
        linux.restrict(ENVIRONMENT, linux.MS_NOSUID | linux.MS_NODEV | linux.MS_RDONLY)


def _tell(packages, folder, version):
    """Writes down what is installed, by the names of the folders in which installers note it (PEP 376)."""
    lines = ["python==" + version]
    for name in sorted(glob.glob(folder + "/lib/python*/site-packages/*.dist-info")):
        name, _, number = os.path.basename(name).removesuffix(".dist-info").rpartition("-")
        lines.append("%s==%s" % (name.replace("_", "-"), number))
    os.ftruncate(packages, 0)
    os.write(packages, ("\n".join(lines) + "\n").encode())


def _key(requirements, python):
    system = os.uname()
    parts = [KIND, requirements, python["version"], python["path"], system.sysname, system.machine]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _read(path, seen=None):
    """The text of a requirements file with those of the files it includes; None when it is not there."""
    seen = set() if seen is None else seen
    seen.add(path)
    try:
        # A pipe or a device must not hold us up.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_size > MOST_REQUIREMENTS_BYTES:
            raise Failure("%s is not a plain file of at most 1 MiB." % path, "user")
        text = os.read(file, MOST_REQUIREMENTS_BYTES).decode(errors="replace")
    finally:
        os.close(file)
    for name in re.findall(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", text, re.MULTILINE):
        included = os.path.join(os.path.dirname(path), name)
        if included not in seen and len(seen) < MOST_INCLUDES:
            text += "\n# %s\n%s" % (name, _read(included, seen))
    return text


def _say(system, sentence):
    os.write(system, (sentence + "\n").encode())
