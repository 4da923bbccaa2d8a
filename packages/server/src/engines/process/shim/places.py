"""Paths inside a root that is still being built, seen from outside it."""

import errno
import os
import stat

from failure import Failure
from linux import MS_NODEV, MS_NOSUID, MS_RDONLY, bind, mount, restrict

MOST_LINKS = 40
# A folder with more entries than this is not taken apart to add one to it.
MOST_ENTRIES = 4096


class Root:
    """A root under construction. Symbolic links inside it never lead out of it."""

    def __init__(self, path):
        self.path = path
        # Paths of file systems of our own, made read-only when the root is complete.
        self._own = []

    def find(self, path):
        """Where `path` is, links followed; None when it is not there."""
        return self._walk(path, None)

    def folder(self, path):
        """Where the folder `path` is; made when it is not there."""
        return self._walk(path, os.mkdir)

    def file(self, path):
        """Where the file `path` is; an empty one is made when it is not there."""
        return self._walk(path, _touch)

    def empty(self, path, options="mode=755"):
        """An empty file system of our own at `path`."""
        place = self.folder(path)
        mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, options)
        return place

    def own(self, place):
        self._own.append(place[len(self.path) :] or "/")

    def entered(self):
        """The root has become this process's own."""
        self.path = ""

    def seal(self):
        for path in self._own:
            restrict(self.path + path, MS_RDONLY)

    def _walk(self, path, make):
        at, todo, links = self.path, _parts(path), 0
        while todo:
            name = todo.pop(0)
            if name == "..":
                at = self.path if at == self.path else os.path.dirname(at)
                continue
            here = at + "/" + name
            if not os.path.lexists(here):
                if make is None:
                    return None
                self._make(here, os.mkdir if todo else make)
            elif stat.S_ISLNK(os.lstat(here).st_mode):
                links += 1
                if links > MOST_LINKS:
                    raise Failure("The path %s goes in circles." % path, "user")
                target = os.readlink(here)
                todo = _parts(target) + todo
                at = self.path if target.startswith("/") else at
                continue
            at = here
        return at

    def _make(self, here, make):
        try:
            make(here)
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
            self._open_up(os.path.dirname(here))
            make(here)

    def _open_up(self, place):
        """Puts a file system of our own in place of a read-only folder, with the same entries in it."""
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            entries = list(os.scandir(folder))
            if len(entries) > MOST_ENTRIES:
                raise Failure("Nothing can be added to %s: it has too many entries." % place[len(self.path) :])
            mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
            self.own(place)
            for entry in entries:
                copy_entry(entry, "/proc/self/fd/%d/%s" % (folder, entry.name), place + "/" + entry.name)
        finally:
            os.close(folder)


def copy_entry(entry, source, place):
    """Shows one folder entry at another place: a link as it is, anything else by a bind mount."""
    if entry.is_symlink():
        os.symlink(os.readlink(source), place)
        return
    if entry.is_dir(follow_symlinks=False):
        os.mkdir(place)
    else:
        _touch(place)
    try:
        bind(source, place, recursive=True)
    except PermissionError:
        pass  # what this user may not even look at stays empty


def _touch(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))


def _parts(path):
    return [part for part in path.split("/") if part not in ("", ".")]
