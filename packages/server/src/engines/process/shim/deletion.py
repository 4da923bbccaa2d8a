"""Deletes what a task has left behind, whatever rights it gave to its folders and however deep they go."""

import os
import stat


def delete(path):
    """Deletes a tree, links not followed. What is not there is deleted already."""
    top, name = os.path.split(path)
    parent = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folders = [name] if _is_folder(parent, name) else []
        moved = 0
        while folders:
            folder = folders.pop()
            inner = _open(parent, folder)
            try:
                for entry in os.listdir(inner):
                    if _is_folder(inner, entry):
                        # Moved up beside the tree, so that no depth is too great.
                        moved += 1
                        aside = "%s~%d" % (name, moved)
                        os.chmod(entry, 0o700, dir_fd=inner)
                        os.rename(entry, aside, src_dir_fd=inner, dst_dir_fd=parent)
                        folders.append(aside)
                    else:
                        os.unlink(entry, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(folder, dir_fd=parent)
    finally:
        os.close(parent)


def _open(parent, name):
    # An owner who took away his own rights may still give them back.
    os.chmod(name, 0o700, dir_fd=parent)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def _is_folder(parent, name):
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
