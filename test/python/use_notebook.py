"""Runs cells in a notebook from outside: `use_notebook.py ADDRESS TOKEN`, as https://pypi.org/project/jupyter-kernel-client does it."""

import sys

from jupyter_kernel_client import JupyterKernelClient

address, token = sys.argv[1:]
with JupyterKernelClient(server_url=address, token=token) as kernel:
    kernel.execute("x = 6")
    reply = kernel.execute("import os; print(x * 7, 'in', os.getcwd())")
    print(reply["status"], "".join(one["text"] for one in reply["outputs"]))
    print(kernel.execute("1 / 0")["status"])
