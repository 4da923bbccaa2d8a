"""Copies packages with all that they need from the environment that runs this into a folder: `copy_packages.py FOLDER NAME…`."""

import importlib.metadata
import os
import re
import shutil
import sys

folder, todo = sys.argv[1], sys.argv[2:]
seen = set()
while todo:
    name = re.match(r"[\w.-]+", todo.pop())[0]
    if name in seen:
        continue
    seen.add(name)
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        continue  # wanted on other systems only
    todo += [line for line in package.requires or [] if "extra ==" not in line]
    for file in package.files or []:
        target = os.path.join(folder, file)
        if ".." not in file.parts and os.path.exists(file.locate()):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(file.locate(), target)
