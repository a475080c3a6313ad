"""Answers a second through a real gunicorn: `python benchmarks/answering_over_http.py [--seconds 12]`.

Starts `gunicorn -w 2 --threads 8` on the configured database, lets eight annotators submit pairwise tasks as
their browsers do (one request answers and brings the next task), and prints cycles a second, processor time
of the web processes and the waiting time. Needs collected static files. The workspace it makes is removed.
"""

import argparse
import http.client
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.test import Client
from handing_out import line, make_people, remove  # sets Django up

from accounts.consent import give_consent
from accounts.models import Membership, Workspace
from annotation.imports import import_at_once
from annotation.models import Project

PORT = 8778
PEOPLE = 8
TASKS = 10_000
WARM_UP_SECONDS = 3
CSRF = "a" * 32
RANK_FIELD = re.compile(r'name="(rank-[0-9a-f-]{36})"')


@dataclass
class Annotator:
    """One browser: a session, a connection, and the page that it shows."""

    person: Membership
    base: str
    waits: list[float] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        client = Client()
        client.force_login(self.person.user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        return {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "HX-Request": "true",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def work(self, project: Project, stop: threading.Event) -> None:
        connection, headers = http.client.HTTPConnection("127.0.0.1", PORT), self.headers()
        address, page = f"{self.base}/projects/{project.uid}/next/", {}
        while not stop.is_set():
            started = time.perf_counter()
            connection.request("POST", address, urllib.parse.urlencode(page), headers)
            response = connection.getresponse()
            html = response.read().decode()
            if response.status in {302, 303}:
                connection.request("GET", response.headers["Location"], headers=headers)
                address = response.headers["Location"]
                html = connection.getresponse().read().decode()
            elif response.status != 200:
                sys.exit(f"{address} answered {response.status}: {html[:300]}")
            else:
                address = response.headers["HX-Push-Url"].split("?")[0]
            self.waits.append(time.perf_counter() - started)
            address = urllib.parse.urlsplit(address).path + "submit/"
            names = list(dict.fromkeys(RANK_FIELD.findall(html)))
            page = {name: str(place) for place, name in enumerate(names, start=1)}
            page |= {"revision": "0", "guideline_number": "0"}


def processor_seconds(master: int) -> float:
    """User and system time of gunicorn's processes."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    ticks = 0
    for pid in [str(master), *children]:
        fields = Path(f"/proc/{pid}/stat").read_text().split()
        ticks += int(fields[13]) + int(fields[14])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0)
    options = parser.parse_args()
    workspace = Workspace.objects.create(slug=f"bench-{uuid.uuid4().hex[:8]}", name="Bench")
    admin, *people = make_people(workspace, PEOPLE)
    project = Project.objects.create(workspace=workspace, name="Bench", created_by=admin)
    for person in (admin, *people):
        give_consent(person)
    for first in range(0, TASKS, 5000):
        body = b"".join(line(number) for number in range(first, first + 5000))
        import_at_once(membership=admin, project=project, body=body)
    command = ["gunicorn", "annotera.wsgi", "-k", "gthread", "-w", "2", "--threads", "8"]
    options_of_server = ["-b", f"127.0.0.1:{PORT}", "--no-control-socket", "--log-level", "warning"]
    environment = {**os.environ, "ANNOTERA_DATABASE_POOL": "8"}
    server = subprocess.Popen([sys.executable, "-m", *command, *options_of_server], env=environment)
    try:
        measure(server.pid, project, people, seconds=options.seconds)
    finally:
        server.terminate()
        server.wait()
        remove(workspace)


def measure(server: int, project: Project, people: list[Membership], *, seconds: float) -> None:
    time.sleep(WARM_UP_SECONDS)
    stop = threading.Event()
    annotators = [Annotator(person, f"/w/{project.workspace.slug}") for person in people]
    threads = [threading.Thread(target=annotator.work, args=(project, stop)) for annotator in annotators]
    for thread in threads:
        thread.start()
    time.sleep(WARM_UP_SECONDS)
    before, done = processor_seconds(server), [len(annotator.waits) for annotator in annotators]
    started = time.perf_counter()
    time.sleep(seconds)
    spent, took = processor_seconds(server) - before, time.perf_counter() - started
    new = (annotator.waits[first:] for annotator, first in zip(annotators, done, strict=True))
    waits = sorted(wait for part in new for wait in part)
    stop.set()
    for thread in threads:
        thread.join()
    middle, late = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
    print(
        f"{len(waits) / took:.0f} cycles/s, {1000 * spent / len(waits):.1f} ms of web processor time each, "
        f"waiting p50 {1000 * middle:.0f} ms, p95 {1000 * late:.0f} ms"
    )


if __name__ == "__main__":
    main()
