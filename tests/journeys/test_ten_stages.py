"""All ten stages as people do them, in the browser: from a file to a model whose answers come back."""

import itertools
import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.consent import give_consent
from accounts.models import Role
from annotation.models import Project, Task
from corpus.models import Document
from production.models import Harvest, Output
from qa.models import Acceptance
from tests.conftest import Cast, make_member, poll
from tests.jobs.processes import Worker
from tests.journeys.conftest import Visit
from tests.journeys.looking import findings, sideways
from tests.journeys.ranking import open_ready, submit_by_keys
from tests.production.residents import Inference
from tests.training.conftest import broker, start_training_worker, training_broker, training_worker
from training.models import ModelVersion
from training.simulated_world import questions, write_answer

__all__ = ["broker", "start_training_worker", "training_broker", "training_worker"]

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.engine, pytest.mark.timeout(600)]

Settings = Mapping[str, int]
TINY_MODEL: Settings = {
    "vocabulary_size": 300, "hidden_size": 32, "layers": 1, "heads": 2, "context_length": 128,
    "steps": 4, "batch_size": 4, "evaluation_rows": 8,
}  # fmt: skip
TINY_SFT: Settings = {"steps": 3, "batch_size": 4, "max_length": 128, "evaluation_rows": 4}
TINY_REWARD: Settings = {"steps": 3, "batch_size": 4, "max_length": 128, "evaluation_rows": 8}
TINY_PPO: Settings = {
    "updates": 2, "batch_size": 8, "minibatches": 1, "epochs": 1, "max_new_tokens": 8,
    "max_prompt_tokens": 64, "evaluation_rows": 2, "samples_every": 1,
}  # fmt: skip
LONG = 150_000


@pytest.fixture
def inference(own_storage: Path) -> Iterator[Inference]:
    """The process that serves what is deployed."""
    started = Inference(storage=own_storage, log=own_storage / "inference.log")
    yield started
    started.end()


def write_lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text, "lang": "en"}) + "\n" for text in texts))
    return path


def dialogues() -> list[str]:
    """Forty, and three more: one that repeats, one that nearly does, one with a mail address."""
    chooser = random.Random(4)
    asked = itertools.islice(questions(seed=4), 40)
    texts = [f"{text}\n{write_answer(chooser, verb=verb, thing=thing)}" for text, verb, thing in asked]
    # Near duplicates are told by word five-grams, so the one that repeats has to be long.
    long = " ".join(texts[:4])
    return [*texts, long, f"{long} Really.", texts[0], f"{texts[2]} Write to help@example.org."]


def test_from_a_file_to_a_model_whose_answers_come_back(
    committed_cast: Cast,
    visit: Visit,
    training_worker: Worker,
    inference: Inference,
    tmp_path: Path,
) -> None:
    cast = committed_cast
    others = [make_member(cast.workspace, name, Role.ANNOTATOR) for name in ("Bea", "Ben")]
    for person in (cast.alice, cast.bob, cast.rita, *others):
        give_consent(person)
    alice = visit(cast.alice)
    look = Look(alice)

    # 1 collect, 2 clean
    collect(alice, "Dialogues", write_lines(tmp_path / "dialogues.jsonl", dialogues()))
    asked = [text for text, _verb, _thing in itertools.islice(questions(seed=9), 8)]
    look.at("the source")
    assert alice.evaluate("window.scrollY") == 0, "a page opens at its top"
    clean(alice)
    look.at("the cleaning")
    removed = Document.objects.filter(state=Document.State.REMOVED)
    assert {row.removal["step"] for row in removed} == {"exact_duplicates", "near_duplicates"}
    collect(alice, "Questions", write_lines(tmp_path / "questions.jsonl", asked))
    freeze(alice, "Dialogues", kind="corpus")
    look.at("the frozen corpus")

    # 4 pretrain
    train(alice, "Pretrain on this", TINY_MODEL)
    base = str(ModelVersion.objects.latest("pk"))

    # 3 annotate: Bob writes answers; 5 fine-tune on them
    freeze(alice, "Questions", kind="prompts")
    prompts = alice.locator("h1").inner_text()
    make_project(alice, "demonstration", "Write answers")
    make_tasks(alice, prompts=prompts)
    write_answers(visit(cast.bob), "Write answers", count=4)
    release(alice, "Write answers", button=re.compile("Freeze"))
    train(alice, "Fine-tune on this", TINY_SFT, base_model=base)
    tuned = str(ModelVersion.objects.latest("pk"))

    # 6 preferences: three people rank what the model wrote
    make_project(alice, "ranking", "Rank answers", overlap="3")
    make_tasks(alice, prompts=prompts, model=tuned)
    project = Project.objects.get(name="Rank answers")
    assert Task.objects.filter(project=project).count() >= 6
    for person, keys in ((cast.bob, "12"), (others[0], "12"), (others[1], "21")):
        rank_everything(visit(person), project, keys)

    # 7 Rita reviews what the three do not agree on
    rita = visit(cast.rita)
    looks = [look, Look(rita)]
    review(rita, project, looks[1])
    assert open_reviews(project) == 0

    # 8 release, 6 reward model and PPO
    release(alice, "Rank answers", button="Freeze the preferences")
    train(alice, "Train a reward model on this", TINY_REWARD, base_model=tuned)
    train(alice, "Run PPO with this reward model", TINY_PPO, base_model=tuned)
    policy = str(ModelVersion.objects.latest("pk"))

    # 9 deploy, generate, thumb down, send it back
    deployment = deploy(alice, policy)
    look.at("the deployment")
    generate(alice, "How do I clean my old lamp?")
    answer = alice.locator("#answer")
    answer.get_by_role("button", name="Thumb down").click()
    expect(answer).to_contain_text("Noted")
    look.at("the answer")
    answer.get_by_role("link", name="Write a better answer").click()
    expect(alice.locator("section", has=alice.get_by_role("heading", name="Feedback"))).to_contain_text(
        "thumb down"
    )
    look.at("the output")
    alice.goto(deployment)
    expect(alice.locator(".tile", has_text="Thumbs down")).to_contain_text("1")
    back = alice.locator("form", has=alice.get_by_role("button", name="Send back"))
    back.locator("select[name=project]").select_option(label="Rank answers (ranking)")
    back.get_by_role("button", name="Send back").click()
    poll(Harvest.objects.exists, seconds=60, what="the task of the bad answer")
    harvest = Harvest.objects.get()
    assert (harvest.reason, harvest.probability) == (Harvest.Reason.THUMB_DOWN, 1.0)
    assert harvest.output == Output.objects.earliest("pk")
    # Bob gets it like any other task.
    bob = visit(cast.bob)
    open_project(bob, project)
    expect(bob.locator("#task")).to_contain_text("How do I clean my old lamp?")

    # 10 the way back, and the whole pipeline at one look
    alice.goto("/w/acme/models/")
    alice.get_by_role("link", name=policy).first.click()
    made_from = alice.locator("section", has=alice.get_by_role("heading", name="Made from"))
    expect(made_from).to_contain_text(tuned)
    alice.goto("/w/acme/pipeline/")
    look.at("the pipeline")
    assert [complaint for each in looks for complaint in each.complaints] == []


class Look:
    """What axe finds on the way, and pages that are too wide."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []

    def at(self, what: str) -> None:
        # A toast that is still fading in has too little contrast for a moment.
        self.page.evaluate(
            "document.getAnimations().forEach(each => { try { each.finish(); } catch { /* endless */ } })"
        )
        self.complaints += [f"{what}: {finding}" for finding in findings(self.page) + sideways(self.page)]


def collect(page: Page, name: str, path: Path) -> None:
    page.goto("/w/acme/sources/")
    page.get_by_role("link", name="Describe a source").first.click()
    for field, value in {"name": name, "origin": "written for this test", "licence": "CC0-1.0"}.items():
        page.locator(f"[name={field}]").fill(value)
    page.locator("[name=collector]").fill("Alice")
    page.locator("select[name=lawful_basis]").select_option("no_personal_data")
    page.get_by_role("button", name="Describe the source").click()
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#documents")).to_contain_text("How", timeout=LONG)


def clean(page: Page) -> None:
    page.get_by_role("link", name="Clean the documents").click()
    page.get_by_role("button", name="Preview the cleaning").click()
    apply = page.get_by_role("button", name=re.compile("Apply: remove"))
    expect(apply).to_be_visible(timeout=LONG)
    apply.click()
    expect(page.get_by_role("button", name="Take it back")).to_be_visible(timeout=LONG)


def freeze(page: Page, source: str, *, kind: str) -> None:
    page.goto("/w/acme/sources/")
    form = page.locator("#freeze form")
    form.locator("label.choice", has_text=source).locator("input").check()
    form.locator("[name=name]").fill(f"{source} frozen")
    form.locator("[name=kind]").select_option(kind)
    form.locator("[name=heldout_percent]").fill("30")
    page.get_by_role("button", name="Freeze the kept documents").click()
    page.wait_for_url("**/datasets/**")


def train(page: Page, button: str, settings: Settings, **parts: str) -> None:
    """From the page of the data or model to the registered model: form, run page, model page."""
    page.get_by_role("link", name=button).first.click()
    for label, value in parts.items():
        page.locator(f"select[name={label}]").select_option(label=value)
    page.locator("form details").evaluate_all("all => all.forEach(element => { element.open = true; })")
    for name, value in settings.items():
        page.locator(f"form [name=set-{name}]").fill(str(value))
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("link", name="Open the model")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Open the model").click()
    page.wait_for_url("**/models/**")


def make_project(page: Page, kind: str, name: str, **values: str) -> None:
    page.goto(f"/w/acme/projects/new/?kind={kind}")
    page.locator("[name=name]").fill(name)
    for field, value in values.items():
        page.locator(f"[name={field}]").fill(value)
    page.get_by_role("button", name="Make the project").click()
    page.wait_for_url(re.compile(r"/projects/[0-9a-f-]{36}/"))


def make_tasks(page: Page, *, prompts: str, model: str = "") -> None:
    """Every frozen prompt becomes a task, with a model's answers where one is given."""
    project = Project.objects.latest("pk")
    for split in ("train", "heldout"):
        page.goto(f"/w/acme/projects/{project.uid}/candidates/")
        page.locator("select[name=prompts]").select_option(label=prompts)
        page.locator("[name=split]").select_option(split)
        if model:
            page.locator("select[name=model]").select_option(label=model)
            page.locator("[name=max_new_tokens]").fill("12")
        page.get_by_role("button", name="Make the tasks").click()
        expect(page.locator("main")).to_contain_text(re.compile("succeeded"), timeout=LONG)


def open_project(page: Page, project: Project) -> None:
    page.goto(f"/w/acme/projects/{project.uid}/")
    page.get_by_role("button", name=re.compile("^(Start|Continue)")).click()
    page.wait_for_url("**/assignments/**")
    open_ready(page, page.url)


def write_answers(page: Page, name: str, *, count: int) -> None:
    open_project(page, Project.objects.get(name=name))
    for number in range(count):
        before = page.locator("#task").get_attribute("data-assignment")
        page.locator("#completion").fill(f"Gladly! Wipe it with a cloth, then dry it slowly {number}.")
        page.keyboard.press("Control+Enter")
        expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)


def rank_everything(page: Page, project: Project, keys: str) -> None:
    open_project(page, project)
    for _task in range(Task.objects.filter(project=project).count()):
        submit_by_keys(page, *keys)
    expect(page.locator("#task")).to_contain_text(re.compile("answered|done", re.IGNORECASE))


def review(page: Page, project: Project, look: "Look") -> None:
    """The riskiest first, until nothing is open; then the agreement."""
    page.goto(f"/w/acme/projects/{project.uid}/reviews/")
    page.get_by_role("link", name="Start reviewing").click()
    look.at("a review")
    accept = page.get_by_role("button", name="Accept", exact=True)
    for _answer in range(open_reviews(project)):
        waiting = open_reviews(project)
        accept.click()
        poll(lambda waiting=waiting: open_reviews(project) < waiting, what="the decision")
        page.wait_for_load_state()
    expect(page.locator("main")).to_contain_text("Nothing waits for a review")
    page.goto(f"/w/acme/projects/{project.uid}/quality/")
    page.get_by_role("button", name="Measure now").click()
    expect(page.locator("main")).to_contain_text(re.compile("95 % interval"))
    look.at("the quality")


def open_reviews(project: Project) -> int:
    return Acceptance.objects.filter(project=project, state=Acceptance.State.OPEN).count()


def release(page: Page, name: str, *, button: str | re.Pattern[str]) -> None:
    project = Project.objects.get(name=name)
    page.goto(f"/w/acme/projects/{project.uid}/")
    page.get_by_role("button", name=button).click()
    page.wait_for_url("**/datasets/**")


def deploy(page: Page, model: str) -> str:
    """The address of its page, once it answers."""
    page.goto("/w/acme/deployments/")
    page.locator("[name=name]").fill("assistant")
    page.locator("select[name=model]").select_option(label=f"{model} (PPO)")
    page.get_by_role("button", name="Deploy").click()
    page.wait_for_url(re.compile(r"/deployments/[0-9a-f-]{36}/"))
    expect(page.locator("#deployment-state .badge")).to_have_attribute(
        "data-state", "succeeded", timeout=LONG
    )
    return page.url


def generate(page: Page, prompt: str) -> None:
    page.locator("#ask [name=prompt]").fill(prompt)
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url("**?asked=*", timeout=30_000)
