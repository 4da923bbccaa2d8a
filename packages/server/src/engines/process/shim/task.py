"""One task, from its folder to its exit."""

import json
import os
import signal
import traceback

import environment
import linux
import machine
import sandbox
import volumes
from cgroups import ControlGroups
from failure import Failure, in_words
from report import Report
from supervision import Stopped, Supervision

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
APPEND = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
LAST_WORDS_BYTES = 4096
# Less than this is what writes of usual sizes leave on a disk that they filled.
FULL_BYTES = 64 * 1024


class Task:
    def __init__(self, folder, reports, settings):
        self.folder = folder
        self.settings = settings
        with open(folder + "/spec.json", encoding="utf-8") as file:
            self.spec = json.load(file)
        self.folder_fd = os.open(folder, FOLDER)
        self.report = Report(os.open(reports, FOLDER), self.spec["id"])
        self.groups = ControlGroups(settings, self.spec["id"], self.spec["resources"])

    def claim(self):
        """Takes the task as this process's own. False when another has taken it before."""
        self.report.owner(os.getpid())
        self.report.phase("files")
        self.report.fields["cgroups"] = self.groups.folders
        return self.report.claim()

    def detach(self):
        """Splits off the first process of the task's namespaces. Returns in that process only; the caller's ends."""
        signal.pthread_sigmask(signal.SIG_BLOCK, sandbox.ALL_SIGNALS)
        flags = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
        try:
            self._unshare(flags)
        except OSError as error:
            self.report.ended("setup", None, "The kernel refuses to make namespaces: %s." % in_words(error), "machine")
            os._exit(1)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            self.report.owner(pid)
            self.report.fields["supervised"] = True
            self.report.save()
            os.write(writer, json.dumps(self.report.fields).encode())
            os._exit(0)
        os.close(writer)
        self._go = reader

    def run(self):
        """Runs the task to its end. For the first process of its namespaces."""
        supervision = Supervision(self.folder_fd)
        try:
            exit = self._run(supervision)
        except Stopped:
            exit = ("signal", 128 + signal.SIGTERM, "It was stopped before its command began.", "user")
        except Failure as failure:
            exit = ("setup", None, failure.reason, failure.blame)
        except BaseException as error:
            traceback.print_exc()
            exit = ("setup", None, "It could not be started: %s." % in_words(error), "machine")
        supervision.end_all()
        self._learn_pid()
        self.groups.remove()
        self.report.ended(*exit)

    def _run(self, supervision):
        spec = self.spec
        output = {name: os.open("%s/%s" % (spec["outputDir"], name), APPEND | os.O_WRONLY, 0o644) for name in ("stdout", "stderr")}
        # Read as well: what an installer wrote last becomes the reason of a failure.
        system = os.open(spec["outputDir"] + "/system", APPEND | os.O_RDWR, 0o644)
        packages = os.open(spec["outputDir"] + "/packages", APPEND | os.O_WRONLY, 0o644) if "python" in spec else None
        last_words = os.open(spec["outputDir"] + "/stderr", os.O_RDONLY | os.O_CLOEXEC)
        self.report.reserve()
        self.groups.create()
        root = self._build_root()
        # Whoever writes the report has the same mounts: in the new root its /proc would not show this process.
        self._learn_pid()
        linux.sethostname(spec["hostname"])
        linux.pivot_root(root.path)
        root.entered()
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        supervision.check()
        env = environment.prepare(self, supervision, system, packages)
        root.seal()
        supervision.check()
        self._phase("run")
        pid = sandbox.spawn(
            ["/bin/sh", "-c", spec["command"]],
            env,
            spec["workingDir"],
            output["stdout"],
            output["stderr"],
            self.groups,
            spec["resources"],
        )
        status = supervision.wait(pid)
        supervision.wait_for_rest()
        supervision.end_all()
        return self._exit(status, supervision, last_words)

    def begin_environment(self):
        self._phase("environment")

    def _phase(self, name):
        self.report.phase(name)
        self.report.save()

    def _learn_pid(self):
        """Waits until the report names this process, which knows itself only as process 1."""
        if self._go is not None:
            with open(self._go, encoding="utf-8") as pipe:
                text = pipe.read()
            if not text:
                os._exit(1)  # the report could not be written, so the server takes this task for lost
            self.report.fields = json.loads(text)
            self._go = None

    def _unshare(self, flags):
        if not self.settings["userNamespace"]:
            linux.unshare(flags)
            return
        user, group = os.getuid(), os.getgid()
        linux.unshare(flags | linux.CLONE_NEWUSER)
        maps = {"setgroups": "deny", "uid_map": "0 %d 1" % user, "gid_map": "0 %d 1" % group}
        for name, text in maps.items():
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)

    def _build_root(self):
        spec, settings = self.spec, self.settings
        scratch, place = self.folder + "/scratch", self.folder + "/root"
        os.makedirs(scratch, exist_ok=True)
        os.makedirs(place, exist_ok=True)
        root = machine.build(
            place, scratch, settings, spec["hostname"], spec.get("hosts", {}), spec["resources"]["gpus"]
        )
        volumes.attach_home(root, scratch, spec["home"])
        volumes.attach(root, scratch, spec["mounts"], settings["userNamespace"])
        environment.attach(root, spec, scratch)
        root.folder(spec["workingDir"])
        return root

    def _exit(self, status, supervision, last_words):
        code = os.waitstatus_to_exitcode(status)
        killed = code in (-signal.SIGKILL, 128 + signal.SIGKILL)
        oom_kills = self.groups.oom_kills()
        if killed and oom_kills:
            return ("oom", 137, "It used more than %s, and was killed. Choose a larger machine type."
                    % _memory(self.spec["resources"]["memoryBytes"]), "user")  # fmt: skip
        reason = None
        if supervision.killed:
            reason = "It did not end within %g s of being told to, and was killed." % (supervision.grace_ms / 1000)
        elif oom_kills and code:
            reason = "A process of it used more than %s, and was killed." % _memory(
                self.spec["resources"]["memoryBytes"]
            )
        elif code == 127:
            reason = "The shell did not find a command%s" % _because(last_words)
        elif code == 126:
            reason = "The shell could not execute a command%s" % _because(last_words)
        elif code and _is_full(last_words):
            reason = "It ended with exit code %d, and the disk of its output was full then." % code
        if code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else "signal %d" % -code
            return ("signal", 128 - code, reason or "It was ended by %s." % name, "user")
        return ("exit", code, reason, "user")


def _memory(size):
    return "the %.4g GiB of memory it was given" % (size / 2**30)


def _is_full(file):
    """Whether the disk that a file is on takes no more. What a command says of that is lost with it."""
    disk = os.fstatvfs(file)
    return (disk.f_bfree if os.getuid() == 0 else disk.f_bavail) * disk.f_frsize < FULL_BYTES


def _because(file):
    """The last line written to stderr, which is where a shell says what is wrong."""
    size = os.fstat(file).st_size
    text = os.pread(file, LAST_WORDS_BYTES, max(0, size - LAST_WORDS_BYTES)).decode(errors="replace")
    lines = text.strip().splitlines()
    return ": " + lines[-1] if lines else "."
