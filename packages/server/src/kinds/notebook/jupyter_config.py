"""Settings of Jupyter behind the proxy of Nabla, for Jupyter Server and for the Notebook before version 7."""

import json
import os
import sys

with open("/generated/notebook.json") as file:
    asked = json.load(file)

c = get_config()  # noqa: F821
try:
    import jupyter_server  # noqa: F401

    app, folder = c.ServerApp, "root_dir"
except ImportError:
    app, folder = c.NotebookApp, "notebook_dir"

# What was installed in the notebook may extend Jupyter, but never takes the place of what Jupyter itself needs.
version = "python%d.%d" % sys.version_info[:2]
sys.path.append("/opt/notebook/layer/lib/%s/site-packages" % version)

setattr(app, folder, "/notebooks")
app.ip = asked["address"]
app.port = asked["port"]
app.port_retries = 0
app.open_browser = False
app.allow_root = True
app.quit_button = True
# The proxy lets nobody in who may not, and pages of no other origin; it says who asks and how.
app.allow_remote_access = True
app.trust_xheaders = True
# Files of any size; the browser sends large ones in parts.
app.max_body_size = 1 << 40
app.max_buffer_size = 1 << 40
if os.path.exists("/bin/bash"):
    app.terminado_settings = {"shell_command": ["/bin/bash"]}

# Sockets in a folder of the task: ports would be open to every task of the machine.
c.KernelManager.transport = "ipc"
# A folder that is deleted is gone: there is no trash in a task.
c.FileContentsManager.delete_to_trash = False
c.FileContentsManager.always_delete_dir = True
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"

# Nothing that kernels print is lost.
load_subconfig("/generated/outputs_config.py")  # noqa: F821
