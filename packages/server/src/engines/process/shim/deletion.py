"""Deletes what a task has left behind, whatever rights it gave to its folders."""

import os
import stat


def delete(path):
    """Deletes a tree, links not followed. What is not there is deleted already."""
    parent = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _delete(parent, os.path.basename(path))
    finally:
        os.close(parent)


def _delete(parent, name):
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return
    except FileNotFoundError:
        return
    # An owner who took away his own rights may still give them back.
    os.chmod(name, 0o700, dir_fd=parent)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        for entry in os.listdir(folder):
            _delete(folder, entry)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)
