"""Settings of Jupyter by which no output is lost behind Nabla's proxy. A part of another file of settings.

Each part is left out where Jupyter is too old for it: what stands in the proxy works with any Jupyter.
"""

import json
import os
import shutil
import tempfile
import time
from collections import deque

c = get_config()  # noqa: F821
here = os.path.dirname(os.path.abspath(__file__))

# A page of JupyterLab, or of Notebook 7, gets a part that takes over what runs in the notebook that it opens.
extensions = tempfile.mkdtemp(prefix="nabla-labextensions-")
static = os.path.join(extensions, "nabla-outputs", "static")
os.makedirs(static)
shutil.copyfile(os.path.join(here, "nabla-outputs.js"), os.path.join(static, "nabla-outputs.js"))
about = {
    "name": "nabla-outputs",
    "version": "1.0.0",
    "description": "Shows what cells printed while no page was open.",
    "license": "Apache-2.0",
    "jupyterlab": {
        "extension": True,
        "_build": {"load": "static/nabla-outputs.js", "extension": "./extension"},
    },
}
with open(os.path.join(extensions, "nabla-outputs", "package.json"), "w") as file:
    json.dump(about, file)
c.LabServerApp.extra_labextensions_path = [extensions]

# Nothing is left out because there is much of it.
c.ZMQChannelsWebsocketConnection.limit_rate = False

try:
    from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
    from tornado.concurrent import Future
except ImportError:
    pass
else:

    class KeepingConnection(ZMQChannelsWebsocketConnection):
        """Sends its last messages again to a proxy that comes back.

        What was on its way when the proxy was killed never arrived. What did arrive is known there by its id.
        """

        most_bytes = 32 << 20
        most_seconds = 5.0
        last = {}

        @property
        def write_message(self):
            write = self.websocket_handler.write_message
            if ":nabla-" not in self.session_key:
                return write
            kept = self.last.setdefault(self.session_key, deque())

            def keep_and_write(message, binary=False):
                now = time.monotonic()
                kept.append((now, message, binary))
                size = sum(len(one[1]) for one in kept) if len(message) > 100_000 else 0
                while len(kept) > 1 and (kept[0][0] < now - self.most_seconds or size > self.most_bytes):
                    size -= len(kept.popleft()[1])
                return write(message, binary=binary)

            return keep_and_write

        def create_stream(self):
            # A socket that holds so many messages drops what more comes while this process is busy; none may be lost.
            self.kernel_manager.context.rcvhwm = 0
            super().create_stream()

        def connect(self):
            for _, message, binary in self.last.pop(self.session_key, ()):
                self.websocket_handler.write_message(message, binary=binary)
            return super().connect()

        def nudge(self):
            # A kernel that we come back to is known to answer; to ask it anew would swallow what it says meanwhile.
            if self.channels and self.session_key in self.seen:
                done = Future()
                done.set_result(None)
                return done
            self.seen.add(self.session_key)
            return super().nudge()

        seen = set()

    c.ServerApp.kernel_websocket_connection_class = KeepingConnection

try:
    from jupyter_server_terminals.terminalmanager import TerminalManager
except ImportError:
    pass
else:

    class TellingTerminalManager(TerminalManager):
        """Says of a terminal whether a program runs in it: one that works in silence is in use, too."""

        def get_terminal_model(self, name):
            model = super().get_terminal_model(name)
            try:
                process = self.get_terminal(name).ptyproc
                model["busy"] = os.tcgetpgrp(process.fd) != process.pid
            except (AttributeError, OSError):
                pass
            return model

    c.TerminalsExtensionApp.terminal_manager_class = TellingTerminalManager
