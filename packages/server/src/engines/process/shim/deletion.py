"""Deletes what a task has left behind, whatever rights it gave to its folders and however deep they go."""

import contextlib
import errno
import os
import stat


def delete(path):
    """Deletes a tree, links not followed. What is not there is deleted already; another one may be at it as well."""
    top, name = os.path.split(path)
    parent = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folders = [name] if _is_folder(parent, name) else []
        moved = 0
        while folders:
            folder = folders.pop()
            for entry in _empty(parent, folder):
                # Moved up beside the tree, so that no depth is too great.
                moved += 1
                aside = "%s~%d.%d" % (name, os.getpid(), moved)
                if _move_up(parent, folder, entry, aside):
                    folders.append(aside)
            if not _remove(parent, folder):
                folders.append(folder)
    finally:
        os.close(parent)


def _empty(parent, folder):
    """Deletes the files of a folder. Gives the names of the folders in it."""
    try:
        inner = _open(parent, folder)
    except FileNotFoundError:
        return []
    try:
        names = os.listdir(inner)
        folders = [name for name in names if _is_folder(inner, name)]
        for name in set(names).difference(folders):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=inner)
        for name in folders:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(name, 0o700, dir_fd=inner)
        return folders
    finally:
        os.close(inner)


def _move_up(parent, folder, entry, aside):
    try:
        os.rename("%s/%s" % (folder, entry), aside, src_dir_fd=parent, dst_dir_fd=parent)
        return True
    except FileNotFoundError:
        return False


def _remove(parent, folder):
    """False when something is in the folder still."""
    try:
        os.rmdir(folder, dir_fd=parent)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        return False
    return True


def _open(parent, name):
    # An owner who took away his own rights may still give them back.
    os.chmod(name, 0o700, dir_fd=parent)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def _is_folder(parent, name):
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
