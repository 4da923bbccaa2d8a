"""Makes a virtual environment and installs a requirements file into it, with uv where it can be had, else with pip."""

import os
import shutil

from deletion import delete

UV_VERSION = "0.13.9"
DIGEST_BYTES = 8192
DIGEST_LETTERS = 400
# What uv and pip write when they cannot reach the package index.
UNREACHABLE = (
    "Connection refused",
    "Failed to fetch",
    "Max retries exceeded",
    "NewConnectionError",
    "Temporary failure in name resolution",
    "dns error",
    "error sending request",
)
OFFLINE_HINT = (
    "The package index %s cannot be reached from this machine. Connect it, or start the server with PIP_INDEX_URL set to"
    " an index that it can reach. %s"
)


class BuildFailure(Exception):
    def __init__(self, reason, blame):
        super().__init__(reason)
        self.reason = reason
        self.blame = blame


class Installer:
    def __init__(self, python, env, cache, task_id, system, run):
        """`run(argv, env)` runs a program as the task's own, with its output in the file `system`; gives its exit code."""
        self._python = python["path"]
        self._env = {**env, **_uv_settings(env), "UV_CACHE_DIR": cache + "/downloads/uv"}
        self._env.update({"PIP_CACHE_DIR": cache + "/downloads/pip", "PIP_PROGRESS_BAR": "off"})
        self._tools = cache + "/tools"
        self._task_id = task_id
        self._system = system
        self._run = run
        self._uv = None

    def has_uv(self):
        """Looks for uv, on the machine and in the package index."""
        self._uv = self._find_uv()
        return self._uv is not None

    def install(self, requirements, folder):
        """Fills the empty `folder`. BuildFailure says why it could not."""
        uv = self._uv
        if uv:
            self._must([uv, "venv", "--allow-existing", "--system-site-packages", "--python", self._python, folder])
            self._must([uv, "pip", "install", "--python", folder + "/bin/python", "-r", requirements])
        else:
            self._make_venv(folder)
            self._must([folder + "/bin/python", "-m", "pip", "install", "-r", requirements])
        _add_pip(folder)

    def _find_uv(self):
        uv = shutil.which("uv", path=self._env["PATH"])
        if uv:
            return uv
        kept = "%s/uv-%s" % (self._tools, UV_VERSION)
        if not os.path.isdir(kept):
            fetched = "%s/.%s" % (self._tools, self._task_id)
            pip = [self._python, "-m", "pip", "install", "--quiet", "--retries", "1", "--target", fetched, "--no-deps"]
            code = self._run([*pip, "--only-binary", ":all:", "uv==" + UV_VERSION], self._env)
            if code == 0:
                _rename(fetched, kept)
            delete(fetched)
        return kept + "/bin/uv" if os.path.exists(kept + "/bin/uv") else None

    def _make_venv(self, folder):
        try:
            self._must([self._python, "-m", "venv", "--system-site-packages", folder])
        except BuildFailure as failure:
            if failure.blame == "machine":
                raise
            hint = "Neither uv nor Python's venv can be had on this machine: install uv, or python3-venv and python3-pip. "
            raise BuildFailure(hint + failure.reason, "machine") from failure

    def _must(self, argv):
        start = os.fstat(self._system).st_size
        if self._run(argv, self._env) == 0:
            return
        end = os.fstat(self._system).st_size
        text = os.pread(self._system, DIGEST_BYTES, max(start, end - DIGEST_BYTES)).decode(errors="replace")
        reason = _digest(text)
        if any(sign in text for sign in UNREACHABLE):
            index = self._env.get("PIP_INDEX_URL") or self._env.get("UV_DEFAULT_INDEX") or "https://pypi.org/simple"
            raise BuildFailure(OFFLINE_HINT % (_without_password(index), reason), "machine")
        raise BuildFailure("The Python requirements could not be installed: %s" % reason, "user")


def _uv_settings(env):
    """What pip was told about the package index and the network, in the words of uv."""
    settings = {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "UV_SYSTEM_CERTS": "1",
        # Compiled once here rather than by every task: what a task compiles is gone with it.
        "UV_COMPILE_BYTECODE": "1",
    }
    lists = {"PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_TRUSTED_HOST": "UV_INSECURE_HOST"}
    for pip, uv in lists.items():
        if env.get(pip):
            settings[uv] = " ".join(env[pip].split())
    singles = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_NO_INDEX": "UV_NO_INDEX", "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT"}
    for pip, uv in singles.items():
        if env.get(pip):
            settings[uv] = env[pip]
    # pip warns of a folder that is not there, uv refuses it.
    places = [place for place in env.get("PIP_FIND_LINKS", "").split() if "://" in place or os.path.isdir(place)]
    if places:
        settings["UV_FIND_LINKS"] = ",".join(places)
    if env.get("PIP_CERT") and not env.get("SSL_CERT_FILE"):
        settings["SSL_CERT_FILE"] = env["PIP_CERT"]
    return {name: value for name, value in settings.items() if name not in env}


def _digest(text):
    """The last complaint of uv or pip, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("hint:", "[notice]", "WARNING", "warning:"))]
    starts = [number for number, line in enumerate(lines) if line.lower().startswith("error")]
    chosen = lines[starts[-1] :] if starts else lines[-1:]
    sentence = ": ".join(line.removeprefix("cause: ") for line in chosen)
    return sentence[:DIGEST_LETTERS] or "the installer said nothing."


def _add_pip(folder):
    """A `pip` for the environment, which uv leaves out; it is the machine's own, installing here."""
    path = folder + "/bin/pip"
    if not os.path.lexists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\nexec %s/bin/python -m pip "$@"\n' % folder)
        os.chmod(path, 0o755)


def _rename(source, target):
    try:
        os.rename(source, target)
    except OSError:
        pass  # another task has put the same there meanwhile


def _without_password(url):
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return "%s://%s%s%s" % (scheme, host.rpartition("@")[2], slash, path)
