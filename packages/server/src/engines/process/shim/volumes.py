"""The trees of files that a task was given, each at the place where it expects them."""

import os
import shutil

from failure import Failure, in_words
from linux import MS_NODEV, MS_NOSUID, MS_RDONLY, bind, restrict
from machine import overlay

SAFE = MS_NOSUID | MS_NODEV


def attach(root, scratch, mounts, user_namespace):
    """Mounts `mounts` (see Mount in engine.ts) into `root`, outer ones before those inside them."""
    places = []
    for number, mount in enumerate(sorted(mounts, key=lambda mount: mount["target"].count("/"))):
        if not os.path.exists(mount["source"]):
            raise Failure("The files for %s are not on this machine." % mount["target"])
        try:
            place = _attach(root, scratch, number, mount, user_namespace)
        except OSError as error:
            raise Failure("%s could not be mounted: %s." % (mount["target"], in_words(error))) from error
        places.append((place, mount))
    for place, mount in places:
        for alias in mount.get("aliases", []):
            bind(place, root.folder(alias), recursive=True)


def attach_home(root, scratch, home):
    own = scratch + "/home"
    os.mkdir(own, 0o700)
    place = root.folder(home)
    bind(own, place)
    restrict(place, SAFE)


def _attach(root, scratch, number, mount, user_namespace):
    source, mode = mount["source"], mount["mode"]
    if not os.path.isdir(source):
        place = root.file(mount["target"])
    else:
        place = root.folder(mount["target"])
    if place == root.path:
        raise Failure("Nothing can be mounted in place of the whole machine.")
    if mode == "copy":
        _attach_copy(source, place, scratch, "copy%d" % number, user_namespace)
        return place
    bind(source, place)
    restrict(place, SAFE | (MS_RDONLY if mode == "ro" else 0))
    return place


def _attach_copy(source, place, scratch, name, user_namespace):
    if os.path.isdir(source):
        try:
            overlay(source, place, scratch, name, SAFE, user_namespace)
            return
        except OSError:
            pass  # the kernel or the file system does not allow it: a plain copy is the same, only slower
    copy = "%s/%s.copy" % (scratch, name)
    if os.path.isdir(source):
        shutil.copytree(source, copy, symlinks=True)
    else:
        shutil.copy2(source, copy)
    bind(copy, place)
    restrict(place, SAFE)
