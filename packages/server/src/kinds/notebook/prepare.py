"""Makes a notebook ready in its task, and starts Jupyter. Run by the Python that Jupyter is for; it may be an old one.

/opt/notebook is a volume of the notebook: the layer, a virtual environment on top of that Python, has what was
installed in it; settings of Jupyter stand beside it. Jupyter itself does not run in the layer, so nothing that is
installed there can keep it from starting.
"""

import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys

HOME = "/opt/notebook"
SEED = "/opt/notebook-seed"
FILES = "/notebooks"
GENERATED = "/generated"
MANAGED = "/opt/nabla/environment"
LAYER = HOME + "/layer"
OLD = HOME + "/layer.old"
MARK = LAYER + "/nabla.json"
# Exit codes that the server has sentences for.
NO_FILES, NO_JUPYTER, NO_PACKAGES = 96, 97, 99


def main():
    os.chdir(FILES)
    with open(GENERATED + "/notebook.json") as file:
        asked = json.load(file)
    copy_seed()
    jupyter = jupyter_command(asked)
    make_layer(asked)
    write_kernel()
    with open(HOME + "/starting", "w") as file:
        file.write(asked["session"])
    env = environment()
    os.execvpe(jupyter[0], jupyter, env)


def copy_seed():
    """The files that the notebook begins with, once. A copy that was cut off is made again."""
    done = HOME + "/seeded"
    if os.path.exists(done):
        return
    if os.path.isdir(SEED):
        print("Copying the files that the notebook begins with.", flush=True)
        if subprocess.call(["cp", "-R", SEED + "/.", FILES + "/"]) != 0:
            sys.exit(NO_FILES)
    with open(done, "w"):
        pass


def jupyter_command(asked):
    config = "--config=%s/jupyter_config.py" % GENERATED
    if asked["command"] is not None:
        return ["/bin/sh", "-c", asked["command"]]
    if sys.prefix == MANAGED:
        return [sys.executable, "-m", "jupyterlab", config]
    for name in ("jupyter-lab", "jupyter-notebook"):
        program = shutil.which(name)
        if program:
            return [program, config]
    print("There is neither jupyter-lab nor jupyter-notebook in this image.", file=sys.stderr)
    sys.exit(NO_JUPYTER)


def make_layer(asked):
    """Makes the layer if there is none for this Python, and installs what was declared and is not there."""
    kind = {"python": "%d.%d" % sys.version_info[:2], "base": sys.base_prefix, "rebuild": asked["rebuild"]}
    if os.path.isdir(OLD):
        # The last time it was cut off half way.
        shutil.rmtree(LAYER, ignore_errors=True)
        os.rename(OLD, LAYER)
    known = read_json(MARK)
    fits = {name: known.get(name) for name in kind} == kind
    wanted = list(asked["packages"])
    if fits and known.get("packages") == wanted:
        return
    if not fits:
        if known and known.get("rebuild") == asked["rebuild"]:
            wanted = wanted + [one for one in requested() if one not in wanted]
        if os.path.isdir(LAYER):
            os.rename(LAYER, OLD)
        empty_layer()
    if wanted and install(wanted) != 0:
        if os.path.isdir(OLD):
            shutil.rmtree(LAYER, ignore_errors=True)
            os.rename(OLD, LAYER)
        sys.exit(NO_PACKAGES)
    with open(MARK + ".new", "w") as file:
        json.dump(dict(kind, packages=list(asked["packages"])), file)
    os.rename(MARK + ".new", MARK)
    shutil.rmtree(OLD, ignore_errors=True)


def empty_layer():
    print("Making the environment of the notebook.", flush=True)
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.check_call([base, "-m", "venv", "--system-site-packages", "--without-pip", LAYER])
    site = site_packages()
    if sys.prefix == MANAGED:
        with open(site + "/nabla.pth", "w") as file:
            file.write("import site; site.addsitedir(%r)\n" % site.replace(LAYER, MANAGED))
    for name in ("pip", "pip3"):
        path = "%s/bin/%s" % (LAYER, name)
        with open(path, "w") as file:
            file.write('#!/bin/sh\nexec %s/bin/python -m pip "$@"\n' % LAYER)
        os.chmod(path, 0o755)


def install(lines):
    print("Installing %d packages." % len(lines), flush=True)
    path = HOME + "/requirements.txt"
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    pip = [LAYER + "/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    return subprocess.call(pip + ["--progress-bar", "off", "-r", path])


def requested():
    """What somebody asked for in the layer of another Python, as lines of a requirements file."""
    lines = []
    for folder in glob.glob(LAYER + "/lib/python*/site-packages/*.dist-info"):
        if not os.path.exists(folder + "/REQUESTED"):
            continue
        name, _, version = os.path.basename(folder)[: -len(".dist-info")].partition("-")
        url = read_json(folder + "/direct_url.json").get("url")
        lines.append("%s @ %s" % (name, url) if url else "%s==%s" % (name, version))
    return sorted(lines)


def write_kernel():
    """The kernel of the layer, in front of the one that Jupyter has by itself."""
    if importlib.util.find_spec("ipykernel") is None:
        return
    folder = HOME + "/jupyter/kernels/python3"
    os.makedirs(folder, exist_ok=True)
    kernel = {
        "argv": [LAYER + "/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "metadata": {"debugger": True},
    }
    with open(folder + "/kernel.json", "w") as file:
        json.dump(kernel, file)


def environment():
    env = dict(os.environ)
    with open(GENERATED + "/key", "rb") as file:
        env["JUPYTER_TOKEN"] = "".join("%02x" % byte for byte in bytearray(file.read()))
    paths = [HOME + "/jupyter", LAYER + "/share/jupyter", env.get("JUPYTER_PATH", "")]
    env.update(
        {
            "PATH": "%s/bin:%s" % (LAYER, env.get("PATH", "/usr/bin:/bin")),
            "VIRTUAL_ENV": LAYER,
            "JUPYTER_PATH": ":".join(path for path in paths if path),
            "JUPYTER_CONFIG_PATH": LAYER + "/etc/jupyter",
            "JUPYTER_CONFIG_DIR": HOME + "/config",
            "JUPYTER_DATA_DIR": HOME + "/data",
            "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",
            "IPYTHONDIR": HOME + "/ipython",
        }
    )
    return env


def site_packages():
    return "%s/lib/python%d.%d/site-packages" % ((LAYER,) + sys.version_info[:2])


def read_json(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


main()
