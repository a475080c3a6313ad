"""A web server of the product that a test can really stop, with the static files as they are delivered."""

import socket
import threading

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler


class OneRequest(WSGIRequestHandler):
    """Closes after each answer: a stopped server then is silent on every connection, old ones too."""

    def handle(self) -> None:
        self.close_connection = True
        self.handle_one_request()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Site:
    """Serves on one port of the loopback; stop() and start() again keep the address."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: ThreadedWSGIServer | None = None
        self.start()

    def start(self) -> None:
        self._server = ThreadedWSGIServer(("127.0.0.1", self.port), OneRequest)
        # Waiting for the last requests lets their database connections close before the tables are emptied.
        self._server.daemon_threads = False
        self._server.set_app(WSGIHandler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
