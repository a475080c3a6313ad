"""Take the pictures of the documents from a running Annotera whose home `make demo` made.

usage: ANNOTERA_HOME=/tmp/annotera-demo .venv/bin/python scripts/make_pictures.py [NAME ...]
       .venv/bin/python scripts/make_pictures.py --address URL --logins LOGINS.json [NAME ...]

The first form starts `manage.py up` on that home, adds three people of its own, and stops it. The logins
of the second are a JSON object from role (admin, reviewer, annotator) to [address, password]. Names take some
of the pictures only.

PICTURES is the whole list: what is shown, to whom, and the words for those who cannot see it. What a picture
shows is found through the API or the links of a page, so nothing here knows an id.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
WORKSPACE = "loop"
WIDTH, HEIGHT = 1280, 800
LARGEST_BYTES = 180_000
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--force-device-scale-factor=1", "--hide-scrollbars"]
BEGIN = re.compile(r"^(Start|Continue)")
Finder = Callable[[Page], None]


@dataclass(frozen=True)
class Picture:
    """`find` brings the page of a logged-in person to what is shown."""

    file: str
    role: str
    find: Finder
    alt: str
    scheme: str = "light"


# --- Finding what is shown ------------------------------------------------------------------------------
def at(path: str) -> Finder:
    return lambda page: _open(page, path)


def newest(listed: str, path: str, **wanted: str) -> Finder:
    """The page of the newest object of an API list that has these values."""

    def find(page: Page) -> None:
        rows = _listed(page, listed)
        uid = next(row["uid"] for row in rows if all(row[name] == value for name, value in wanted.items()))
        _open(page, path.format(uid=uid))

    return find


def through(first: Finder, *links: str) -> Finder:
    """From one page to another by its links, named as a person reads them."""

    def find(page: Page) -> None:
        first(page)
        for link in links:
            page.locator("main").get_by_role("link", name=re.compile(link)).first.click()
            page.wait_for_load_state("networkidle")

    return find


def ranking_task(page: Page) -> None:
    """A task in the hands of the annotator, with an order begun. Nothing is sent."""
    newest("projects", "projects/{uid}/", kind="ranking")(page)
    agree = page.get_by_role("button", name="I have read this and agree")
    while not page.locator("[data-assignment]").count():
        (agree if agree.count() else page.get_by_role("button", name=BEGIN).first).click()
        page.wait_for_load_state("networkidle")
    page.locator("#task[data-ready]").wait_for()
    close = page.locator("#guideline").get_by_role("button", name="Close")
    if close.is_visible():
        close.click()
    for _attempt in range(4):
        if page.locator("[data-placed] li").count():
            page.keyboard.press("Backspace")
    page.keyboard.press("2")
    page.keyboard.press("1")
    page.locator("[data-receipt-line]", has_text=re.compile(r"Saved \d")).wait_for()


def compared_runs(page: Page) -> None:
    """The two that share a figure, the loss: pretraining and fine-tuning."""
    runs = [row["uid"] for row in _listed(page, "runs") if row["stage"] in {"pretrain", "sft"}]
    _open(page, "runs/compare/?" + "&".join(f"run={uid}" for uid in runs[:2]))


def _open(page: Page, path: str) -> None:
    answer = page.goto(f"/w/{WORKSPACE}/{path}")
    if answer is None or not answer.ok:
        sys.exit(f"make_pictures: {path} answered {answer and answer.status}.")
    page.wait_for_load_state("networkidle")


def _listed(page: Page, kind: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = page.request.get(f"/api/v1/{kind}/").json()["results"]
    return found


RUN = newest("runs", "runs/{uid}/", stage="ppo")
MODEL = newest("models", "models/{uid}/", stage="ppo")
PROJECT = newest("projects", "projects/{uid}/", kind="ranking")
QUALITY = newest("projects", "projects/{uid}/quality/", kind="ranking")
REVIEWS = newest("projects", "projects/{uid}/reviews/?state=rejected", kind="ranking")
DEPLOYMENT = newest("deployments", "deployments/{uid}/")
SOURCE = newest("sources", "sources/{uid}/", name="Household dialogues")
VERSION = newest("dataset-versions", "datasets/{uid}/", kind="preferences")
# The link of a row in the queue is the beginning of its task.
FIRST_ANSWER = r".{12,}[?.]$"
PICTURES = (
    Picture("ranking-light.png", "annotator", ranking_task, "The ranking page"),
    Picture("ranking-dark.png", "annotator", ranking_task, "The ranking page in dark", "dark"),
    Picture("home-admin.png", "admin", at(""), "The home page of an admin"),
    Picture("home-annotator.png", "annotator", at(""), "The home page of an annotator"),
    Picture("pipeline.png", "admin", at("pipeline/"), "The pipeline page"),
    Picture("source.png", "admin", SOURCE, "A source of texts"),
    Picture("project.png", "admin", PROJECT, "A ranking project"),
    Picture("reviews.png", "reviewer", REVIEWS, "The review queue of a project"),
    Picture("review.png", "reviewer", through(REVIEWS, FIRST_ANSWER), "A review of one answer"),
    Picture("quality.png", "reviewer", QUALITY, "The quality of a project"),
    Picture("version.png", "admin", VERSION, "A frozen version"),
    Picture("run-ppo.png", "admin", RUN, "A PPO run"),
    Picture("run-charts-dark.png", "admin", through(RUN, "^Charts"), "Charts of a PPO run", "dark"),
    Picture("runs-compared.png", "admin", compared_runs, "Two runs compared"),
    Picture("model.png", "admin", MODEL, "A model and its figures"),
    Picture("deployment.png", "admin", DEPLOYMENT, "A deployed model"),
    Picture("lineage.png", "admin", through(MODEL, "^Lineage$"), "The lineage of a model"),
)


# --- Taking them ----------------------------------------------------------------------------------------
def main(arguments: argparse.Namespace) -> None:
    chosen = [picture for picture in PICTURES if not arguments.names or picture.file in arguments.names]
    with installation(arguments) as (address, logins), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for picture in chosen:
            take(browser, address, logins[picture.role], picture)
        browser.close()


def take(browser: Browser, address: str, login: list[str], picture: Picture) -> None:
    context = browser.new_context(
        base_url=address,
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme="dark" if picture.scheme == "dark" else "light",
        reduced_motion="reduce",
        extra_http_headers={"X-Workspace": WORKSPACE},
    )
    page = context.new_page()
    page.goto("/login/")
    page.get_by_label("E-mail").fill(login[0])
    page.get_by_label("Password").fill(login[1])
    page.locator("main").get_by_role("button").first.click()
    page.wait_for_load_state("networkidle")
    picture.find(page)
    page.wait_for_timeout(700)
    path = IMAGES / picture.file
    page.screenshot(path=path)
    size = path.stat().st_size
    print(f"{picture.file}: {size // 1000} KB{'  LARGER THAN WANTED' if size > LARGEST_BYTES else ''}")
    context.close()


def chromium() -> str:
    found = os.environ.get("ANNOTERA_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        sys.exit("make_pictures: install Chromium, or name it in ANNOTERA_CHROMIUM.")
    return found


@contextmanager
def installation(arguments: argparse.Namespace) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Address and logins: those that were given, or of the home, started for the time that it takes."""
    if arguments.address:
        yield arguments.address, json.loads(Path(arguments.logins).read_text(encoding="utf-8"))
        return
    command = [sys.executable, "manage.py", "up"]
    environment = os.environ | {"PORT": "0", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as up:
        try:
            lines = iter(up.stdout or ())
            ready = next((line for line in lines if "is ready at" in line), None)
            if ready is None:
                sys.exit("make_pictures: Annotera did not start.")
            yield ready.split()[-1], own_logins()
        finally:
            up.terminate()
            up.communicate()


def own_logins() -> dict[str, list[str]]:
    """People of this script, one for each role; their passwords are set anew each time."""
    return {role: login_of(role) for role in ("admin", "reviewer", "annotator")}


def login_of(role: str) -> list[str]:
    address = f"pictures-{role}@{WORKSPACE}.local"
    name = {"admin": "Alice", "reviewer": "Rita", "annotator": "Bob"}[role]
    made = manage("add_user", name, "--workspace", WORKSPACE, "--role", role, "--email", address)
    if made.returncode:
        made = manage("set_password", address)
    if made.returncode:
        sys.exit(f"make_pictures: {made.stderr.strip()} Was this home made by make demo?")
    return [address, json.loads(made.stdout.splitlines()[-1])["password"]]


def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="take only these pictures")
    parser.add_argument("--address", help="of a running Annotera")
    parser.add_argument("--logins", help="JSON: role to [address, password]")
    main(parser.parse_args())
