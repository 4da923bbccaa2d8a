"""Runs TensorBoard for whoever knows the key: tasks of others may share this machine's network."""

import hmac
import os
import sys

from absl import app
from tensorboard import default, program
from werkzeug.serving import make_server

KEY = os.environ.pop("NABLA_TENSORBOARD_KEY")


def keyed(application):
    def call(environ, start_response):
        given = environ.get("HTTP_X_NABLA_KEY", "")
        if not hmac.compare_digest(given.encode(), KEY.encode()):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"Open this TensorBoard through Nabla.\n"]
        return application(environ, start_response)

    return call


class Server(program.TensorBoardServer):
    """At one address and port: TensorBoard's own tries whether the port is free at another address."""

    def __init__(self, application, flags):
        self._server = make_server(flags.host, flags.port, keyed(application), threaded=True)
        self._server.daemon_threads = True

    def serve_forever(self):
        self._server.serve_forever()

    def get_url(self):
        return "http://%s:%d/" % self._server.server_address[:2]

    def print_serving_message(self):
        print("TensorBoard is ready.", flush=True)


if __name__ == "__main__":
    tensorboard = program.TensorBoard(plugins=default.get_plugins(), server_class=Server)
    app.run(tensorboard.main, argv=sys.argv, flags_parser=tensorboard.configure)
