"""A program to deploy: it says who answers. Only the standard library is needed."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        told = {
            "greeting": os.environ.get("GREETING", "hello"),
            "revision": os.environ.get("NABLA_REVISION"),
            "instance": os.environ.get("NABLA_INSTANCE_NAME"),
        }
        text = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
