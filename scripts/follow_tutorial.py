"""Follow the tutorial "From an empty install to a PPO-trained model" in a browser.

usage: .venv/bin/python scripts/follow_tutorial.py --address URL --logins FILE [--pictures FOLDER]

Address and file are what `make run` printed on a fresh ANNOTERA_HOME. Three people do what the page says, by
the words that stand on it: its tasks, gold and guideline are read from the document, and buttons and links
are found by the names that the document gives them. Each step ends with what the document promises, or the
script ends there with a sentence. It prints the seconds; figures of models are printed, not asserted.
"""

import argparse
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Error, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "tutorial" / "from-an-empty-install-to-ppo.md"
LOGIN = re.compile(r"^\s*(Alice|Bob|Rita)\s+\w+\s+(\S+@\S+)\s+(\S+)$", re.MULTILINE)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
BEGIN = re.compile(r"^(Start|Continue)")
# The sentence in which the page of a run says what came out.
WORTH = re.compile(r"^(The reward (rose|fell)|No change of the reward|It is clearly|Its accuracy)")
SECOND = 1000
# How each good answer of the document's tasks begins, best first.
ORDERS = {
    "boil an egg": ("Put it in boiling water for", "Gladly", "Look"),
    "bread fresh": ("Keep", "Bread is"),
    "milk": ("Its", "Because"),
    "salt": ("About ten grams for each litre, which", "About ten grams for each litre.", "A lot"),
    "rice": ("Yes", "Why would"),
    "garlic": ("Press", "Slowly", "Buy"),
    "lettuce": ("In cold", "No idea"),
    "tea": ("Pour", "Stop"),
}


@dataclass
class Tutorial:
    """Alice (admin), Bob (annotator) and Rita (reviewer), each with a browser of their own."""

    alice: Page
    bob: Page
    rita: Page
    folder: Path
    began: float = field(default_factory=time.monotonic)

    # --- 3 to 5: a project, its gold, and eight answers -------------------------------------------------
    def make_a_project(self) -> None:
        page, texts = self.alice, DOCUMENT.read_text(encoding="utf-8")
        tasks, gold = re.findall(r"```json\n(.*?)```", texts, re.DOTALL)
        (self.folder / "kitchen.jsonl").write_text(tasks, encoding="utf-8")
        (self.folder / "gold.jsonl").write_text(gold, encoding="utf-8")
        guideline = re.findall(r"```text\n(.*?)```", texts, re.DOTALL)[0]
        page.goto("/w/demo/projects/")
        follow(page, "New project")
        page.get_by_label("Name", exact=True).fill("Kitchen")
        page.get_by_label("Hidden gold task every").fill("3")
        press(page, "Make the project")
        follow(page, "Write it")
        page.locator("main textarea").first.fill(guideline)
        press(page, re.compile("^Publish"))
        open_project(page, "Kitchen")
        follow(page, "Import tasks")
        page.locator("input[type=file]").set_input_files(self.folder / "kitchen.jsonl")
        press(page, "Read the file")
        page.get_by_role("button", name="Import 6 tasks").click(timeout=60 * SECOND)
        reload_until(page, page.locator("main").get_by_text("imported", exact=True))

    def hide_gold(self) -> None:
        page = self.rita
        open_project(page, "Kitchen")
        follow(page, re.compile("^Gold$"))
        page.locator("input[type=file]").set_input_files(self.folder / "gold.jsonl")
        press(page, "Upload")
        expect(page.locator("main").get_by_text("in use", exact=False).first).to_be_visible()

    def rank_eight(self) -> None:
        page = self.bob
        open_project(page, "Kitchen")
        press(page, BEGIN)
        press(page, "I have read this and agree")
        press(page, BEGIN)
        expect(page.locator("#guideline")).to_be_visible()
        page.keyboard.press("g")
        expect(page.locator("#guideline")).to_be_hidden()
        answered = 0
        while page.locator("#task[data-ready]").count():
            rank(page)
            answered += 1
        promise(answered == 8, f"eight tasks for Bob, not {answered}")
        expect(page.locator("main")).to_contain_text("All done")

    # --- 6: review --------------------------------------------------------------------------------------
    def review(self) -> None:
        rita, bob = self.rita, self.bob
        self._next_review()
        expect(rita.locator("main")).to_contain_text("flagged by the annotator")
        rita.keyboard.press("r")
        rita.keyboard.type("Say why this needs an expert.")
        rita.keyboard.press("Control+Enter")
        expect(rita.locator("main")).to_contain_text(re.compile("sent back", re.IGNORECASE))
        bob.goto("/w/demo/")
        expect(bob.locator("main")).to_contain_text("Say why this needs an expert.")
        bob.locator("main").get_by_role("button", name="Mend").or_(
            bob.locator("main").get_by_role("link", name="Mend")
        ).first.click()
        bob.locator("#task[data-ready]").wait_for()
        bob.keyboard.press("c")
        bob.keyboard.type("It depends on how long the rice stood warm.")
        bob.keyboard.press("Control+Enter")
        bob.locator(".empty").wait_for()
        self._next_review()
        rita.keyboard.press("a")
        expect(rita.locator("main")).to_contain_text(re.compile("accepted", re.IGNORECASE))

    def _next_review(self) -> None:
        open_project(self.rita, "Kitchen")
        follow(self.rita, re.compile("^Reviews"))
        reload_until(self.rita, self.rita.get_by_role("link", name="Start reviewing"))
        follow(self.rita, "Start reviewing")

    def measure(self) -> None:
        page = self.rita
        page.goto("/w/demo/quality/")
        follow(page, "Kitchen")
        press(page, "Measure now")
        reload_until(page, page.locator("main").get_by_text("still measuring").first)
        expect(page.locator("main")).to_contain_text("undefined")

    # --- 7 to 9: freeze, reward model, PPO --------------------------------------------------------------
    def freeze(self) -> None:
        page = self.alice
        for project, rows in (("Kitchen", r"\b12\b"), ("Kind and complete answers", r"\b3\d\d\b")):
            open_project(page, project)
            press(page, "Freeze the preferences")
            page.wait_for_url("**/datasets/**")
            expect(page.get_by_role("heading", level=1)).to_contain_text(f"{project} preferences v1")
            expect(page.locator("main")).to_contain_text(re.compile(rows), use_inner_text=True)

    def train(self, button: str) -> None:
        page = self.alice
        follow(page, button)
        choose(page, "base_model", "starter v1")
        press(page, "Start the run")
        page.get_by_role("link", name="Open the model").wait_for(timeout=600 * SECOND)
        worth = page.locator("main").get_by_text(WORTH).filter(visible=True)
        print("        ", worth.first.inner_text())
        follow(page, "Open the model")

    # --- 10 to 12: serve, send back, trace --------------------------------------------------------------
    def serve(self) -> None:
        page = self.alice
        follow(page, re.compile("^Deploy$"))
        page.locator("main input[name=name]").fill("assistant")
        press(page, "Deploy")
        reload_until(page, page.locator("#deployment-state").get_by_text("ready", exact=True))
        page.locator("textarea[name=prompt]").fill("How do I bake bread?")
        press(page, "Generate")
        press(page, re.compile("Thumb down"))

    def send_back(self, deployment: str) -> None:
        page, bob = self.alice, self.bob
        page.goto(deployment)
        choose(page, "project", "Kitchen")
        press(page, "Send back")
        expect(page.locator("main")).to_contain_text("became a task", timeout=90 * SECOND)
        open_project(bob, "Kitchen")
        press(bob, BEGIN)
        bob.locator("#task[data-ready]").wait_for()
        expect(bob.locator("#task")).to_contain_text("How do I bake bread?")
        rank(bob)
        expect(bob.locator("main")).to_contain_text("All done")

    def trace(self, model: str) -> None:
        page = self.alice
        page.goto(model)
        follow(page, re.compile("^Lineage$"))
        made_from = ("starter v1", "Kind and complete answers preferences v1")
        for word in (*made_from, "assistant", "Kitchen: 1 task"):
            expect(page.locator("main")).to_contain_text(word)

    def done(self, step: str) -> None:
        print(f"[{time.monotonic() - self.began:4.0f} s] {step}", flush=True)

    def all_of_it(self) -> None:
        self.make_a_project()
        self.done("3 project of six tasks")
        self.hide_gold()
        self.done("4 gold hidden")
        self.rank_eight()
        self.done("5 eight tasks ranked")
        self.review()
        self.measure()
        self.done("6 reviewed, mended, accepted, measured")
        self.freeze()
        self.done("7 two versions frozen")
        self.train("Train a reward model on this")
        self.done("8 reward model")
        self.train("Run PPO with this reward model")
        model = self.alice.url
        self.done("9 PPO")
        self.serve()
        self.done("10 served")
        self.alice.goto(model)
        follow(self.alice, re.compile("^assistant"))
        self.send_back(self.alice.url)
        self.done("11 back to the annotators")
        self.trace(model)
        self.done("12 traced")


# --- What people do ---------------------------------------------------------------------------------------
def follow(page: Page, name: str | re.Pattern[str]) -> None:
    page.locator("main").get_by_role("link", name=name).first.click()
    page.wait_for_load_state("networkidle")


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.locator("main").get_by_role("button", name=name).first.click()
    page.wait_for_load_state("networkidle")


def open_project(page: Page, name: str) -> None:
    page.goto("/w/demo/projects/")
    follow(page, name)


def choose(page: Page, name: str, label: str) -> None:
    option = page.locator(f"main select[name={name}] option").filter(has_text=label)
    # The starter of the demo may still be in training.
    reload_until(page, option, seconds=300)
    page.locator(f"main select[name={name}]").select_option(label=option.first.inner_text())


def rank(page: Page) -> None:
    """Send the order of this task by keys, and wait for the next task or for the end."""
    task = page.locator("#task[data-ready]")
    before, prompt = task.get_attribute("data-assignment"), page.locator(".rank-prompt").inner_text()
    texts = page.locator("[data-candidate] .candidate-text .rendered").all_inner_texts()
    starts = next((order for words, order in ORDERS.items() if words in prompt), ())
    known = [next(at for at, text in enumerate(texts) if text.startswith(start)) for start in starts]
    for place in known or range(len(texts)):
        page.keyboard.press(str(place + 1))
    if "rice" in prompt:
        page.keyboard.press("f")
        page.get_by_label("Needs an expert").check()
        page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "before => { const task = document.querySelector('#task[data-ready]');"
        " return document.querySelector('.empty') || (task && task.dataset.assignment !== before); }",
        arg=before,
    )


def reload_until(page: Page, wanted: Locator, *, seconds: int = 90) -> None:
    """As a person does who waits for a worker: look again each second."""
    end = time.monotonic() + seconds
    while not wanted.count():
        promise(time.monotonic() < end, f"{wanted} at {page.url} within {seconds} s")
        page.wait_for_timeout(SECOND)
        page.reload()


def promise(kept: bool, what: str) -> None:
    if not kept:
        sys.exit(f"follow_tutorial: the document promises {what}.")


@contextmanager
def people(address: str, logins: Path) -> Iterator[dict[str, Page]]:
    found = {name.lower(): (email, password) for name, email, password in LOGIN.findall(logins.read_text())}
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if len(found) != 3 or chromium is None:
        sys.exit("follow_tutorial: needs Chromium, and the file of logins that `make run` named.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        pages = {}
        for name, (email, password) in found.items():
            context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 800})
            pages[name] = page = context.new_page()
            page.goto("/login/")
            page.get_by_label("E-mail").fill(email)
            page.get_by_label("Password").fill(password)
            page.locator("main").get_by_role("button").first.click()
            page.wait_for_load_state("networkidle")
        yield pages
        browser.close()


def main(arguments: argparse.Namespace) -> None:
    with TemporaryDirectory() as folder, people(arguments.address, arguments.logins) as pages:
        try:
            Tutorial(**pages, folder=Path(folder)).all_of_it()
        except (Error, AssertionError) as error:
            for name, page in pages.items():
                print(f"{name} was at {page.url}")
                if arguments.pictures:
                    page.screenshot(path=arguments.pictures / f"{name}.png")
            sys.exit(f"follow_tutorial: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", required=True, help="of an Annotera that `make run` just started")
    parser.add_argument("--logins", required=True, type=Path, help="the file that `make run` named")
    parser.add_argument("--pictures", type=Path, help="a folder for what people saw when a step failed")
    main(parser.parse_args())
