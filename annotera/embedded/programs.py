"""The Python processes of an installation: the web server on a socket of ours, and the workers."""

import errno
import http.client
import os
import socket
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from annotera.embedded.accounts import Account
from annotera.embedded.children import SUPERVISED, Launch
from annotera.embedded.home import PROJECT_ROOT
from annotera.embedded.refusals import Refused
from annotera.embedded.services import Service

ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8000
BACKLOG = 512
WEB_THREADS = 8
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat files, which a slow disk would delay


def chosen_port(environment: Mapping[str, str]) -> int:
    value = environment.get("PORT") or str(DEFAULT_PORT)
    if not value.isdigit() or int(value) > 65535:
        raise Refused(
            f"PORT={value} is not a port number: use one from 1024 to 65535, for example PORT=8001."
        )
    return int(value)


def listen(port: int) -> socket.socket:
    """The web server's socket stays ours, so requests wait in its backlog while a dead server is replaced."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Refused(_why_not(port, error)) from error
    return listener


def _why_not(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is in use: stop what listens there, or choose another, for example PORT={port + 1}."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs root: choose one above 1023, for example PORT={DEFAULT_PORT}."
    return f"Port {port} cannot be used ({error.strerror}): choose another one with PORT=."


def program_environment(
    home: Path, account: Account | None, environment: Mapping[str, str]
) -> dict[str, str]:
    """What web, workers and one-off commands inherit: the caller's variables, and which home is theirs."""
    own = {"ANNOTERA_HOME": str(home), SUPERVISED: str(home), "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8"}
    if account is not None:
        own["HOME"] = str(home)
    return {**environment, **own}


def web_service(
    *, listener: socket.socket, home: Path, account: Account | None, environment: dict[str, str]
) -> Service:
    descriptor = listener.fileno()
    heartbeat = ["--worker-tmp-dir", str(SHARED_MEMORY)] if os.access(SHARED_MEMORY, os.W_OK) else []
    return Service(
        name="web",
        launch=Launch(
            argv=[
                *(sys.executable, "-m", "gunicorn", "annotera.wsgi", "--bind", f"fd://{descriptor}"),
                *(
                    "--worker-class",
                    "gthread",
                    "--workers",
                    "2",
                    "--threads",
                    str(WEB_THREADS),
                    "--no-control-socket",
                ),
                *("--graceful-timeout", "4", "--error-logfile", "-", *heartbeat),
            ],
            log=home / "log" / "web.log",
            environment={"ANNOTERA_DATABASE_POOL": str(WEB_THREADS), **environment},
            cwd=PROJECT_ROOT,
            account=account,
            pass_fds=(descriptor,),
        ),
        is_ready=partial(answers, listener.getsockname()[1]),
    )


def answers(port: int) -> bool:
    """Whether the application answers; a refusal counts, since ALLOWED_HOSTS may leave this address out."""
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_service(
    *, queue: str, concurrency: int, home: Path, account: Account | None, environment: dict[str, str]
) -> Service:
    return Service(
        name=f"worker-{queue}",
        launch=Launch(
            argv=[
                *(sys.executable, "-m", "celery", "--app", "annotera", "worker", "--queues", queue),
                *("--concurrency", str(concurrency), "--hostname", f"{queue}@%h", "--loglevel", "INFO"),
                *("--without-gossip", "--without-mingle"),
            ],
            log=home / "log" / f"worker-{queue}.log",
            environment=environment,
            cwd=PROJECT_ROOT,
            account=account,
        ),
    )


def inference_service(*, home: Path, account: Account | None, environment: dict[str, str]) -> Service:
    """Keeps a process for each deployed model; nothing waits for it, so it is ready at once."""
    return Service(
        name="inference",
        launch=Launch(
            argv=[sys.executable, "manage.py", "inference"],
            log=home / "log" / "inference.log",
            environment=environment,
            cwd=PROJECT_ROOT,
            account=account,
        ),
    )
