"""Runs commands of the real client one after the other: a list of words a line, what it printed and its exit back."""

import contextlib
import io
import json
import os
import sys

answers = os.fdopen(os.dup(1), "w")
# Its spinner takes what is the output when it is imported, and keeps it.
sys.stdout = open(os.devnull, "w")

from gradient import main  # noqa: E402, F401
from gradient.cli.cli import cli  # noqa: E402

print(json.dumps({"ready": True}), file=answers, flush=True)
asked_lines = sys.stdin
for line in asked_lines:
    asked = json.loads(line)
    # It asks whether to go on after each page.
    sys.stdin = io.StringIO("y\n" * 20)
    os.chdir(asked["cwd"])
    printed = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            cli.main(args=asked["words"], prog_name="gradient")
        except SystemExit as end:
            code = end.code or 0
        except Exception as error:  # a client that falls over is what tests look for
            code = 1
            printed.write(f"{type(error).__name__}: {error}")
    print(json.dumps({"code": code, "output": printed.getvalue()}), file=answers, flush=True)
