"""A way to the test database that can be frozen: connections stay open and nothing answers any more."""

import socket
import threading
from pathlib import Path

from django.db import connection

PORT = "5432"


def address_of_database() -> tuple[int, str | tuple[str, int]]:
    values = connection.settings_dict
    host, port = values["HOST"] or "localhost", values["PORT"] or PORT
    if host.startswith("/"):
        return socket.AF_UNIX, f"{host}/.s.PGSQL.{port}"
    return socket.AF_INET, (host, int(port))


class Freezer:
    """Passes bytes between a socket of its own and the database, unless it is frozen."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._flowing = threading.Event()
        self._flowing.set()
        self._target = address_of_database()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(directory / f".s.PGSQL.{PORT}"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        values = connection.settings_dict
        return f"postgresql://{values['USER']}:{values['PASSWORD']}@/{values['NAME']}?host={self.directory}"

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def close(self) -> None:
        self.thaw()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            family, address = self._target
            server = socket.socket(family, socket.SOCK_STREAM)
            server.connect(address)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while content := source.recv(65536):
                self._flowing.wait()
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return
