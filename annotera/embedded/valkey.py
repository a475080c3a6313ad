"""The embedded Valkey: queue doorbells and the cache, on a unix socket with a password."""

import os
import signal
import socket
from functools import partial
from pathlib import Path

from annotera.embedded.accounts import own
from annotera.embedded.children import Launch, processes_in
from annotera.embedded.home import secret, valkey_socket
from annotera.embedded.services import Place, Service, end_processes, server_environment

# The server is started in its data directory, so that no path but the socket's has to be quoted here.
CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
requirepass {password}
dir ./
appendonly yes
appendfsync everysec
save 300 1
maxmemory 256mb
maxmemory-policy noeviction
daemonize no
"""


def valkey_service(place: Place, program: Path) -> Service:
    data = place.home / "valkey"
    endpoint = valkey_socket(place.home)
    return Service(
        name="valkey",
        launch=Launch(
            argv=[str(program), str(_write_configuration(place, endpoint))],
            log=place.log("valkey"),
            environment=server_environment(),
            cwd=data,
            account=place.account,
        ),
        is_ready=partial(answers, endpoint, secret(place.home, "valkey")),
        clear=partial(clear_leftovers, data, endpoint),
        outlives_others=True,
    )


def _write_configuration(place: Place, endpoint: Path) -> Path:
    """The file holds the password, so it is private from its first byte on."""
    path = place.home / "valkey.conf"
    text = CONFIGURATION.format(socket=endpoint, password=secret(place.home, "valkey"))
    draft = path.with_name(".valkey.conf.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    if place.account is not None:
        own(draft, place.account)
    draft.replace(path)
    return path


def clear_leftovers(data: Path, endpoint: Path) -> None:
    leftovers = partial(processes_in, data, program="valkey-server")
    end_processes(leftovers, signals=((signal.SIGTERM, 3), (signal.SIGKILL, 3)))
    endpoint.unlink(missing_ok=True)


def answers(endpoint: Path, password: str) -> bool:
    """A real login and an answer that is not `LOADING`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        try:
            client.connect(str(endpoint))
            client.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            received = b""
            while received.count(b"\r\n") < 2:
                part = client.recv(1024)
                if not part:
                    return False
                received += part
        except OSError:
            return False
    return received == b"+OK\r\n+PONG\r\n"
