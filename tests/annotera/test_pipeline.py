"""The ten stages: where each stands, and the next step, in an empty, a half-way and a full workspace."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotation.models import Annotation, Assignment, Project, Standing
from annotera.models import RewardRule
from annotera.pipeline import KNOWN, Stage, stages
from corpus.cleaning_runs import preview, preview_now
from corpus.models import CleaningRun, Document, DocumentUpload, Erasure, Source
from jobs.models import Job
from production.models import Deployment, Feedback, Harvest, Output
from qa.models import Acceptance, GoldScore, QualityReport
from tests.annotation.worlds import add_tasks, an_answer, make_project
from tests.conftest import Cast
from tests.corpus.frozen import freeze
from tests.training.alarmed import LENGTH, keep, ppo_run
from tests.training.registered import finish, make_model, make_run
from training.models import ModelVersion

KEYS = [known.key for known in KNOWN]


def by_key(cast: Cast, who: str = "alice") -> dict[str, Stage]:
    return {stage.key: stage for stage in stages(membership=getattr(cast, who))}


def stage(cast: Cast, key: str, who: str = "alice") -> Stage:
    return by_key(cast, who)[key]


def told(cast: Cast, key: str) -> tuple[str, str, str]:
    """State, next step and the object that it is about."""
    found = stage(cast, key)
    return found.state.value, found.action.text, found.action.name


def value(found: Stage, label: str) -> str:
    [count] = [count.value for count in found.counts if count.label == label]
    return count


def describe(cast: Cast, name: str = "Letters") -> Source:
    return Source.objects.create(
        workspace=cast.workspace, name=name, licence="MIT", origin="post", collector="Alice",
        lawful_basis="no_personal_data",
    )  # fmt: skip


def add_documents(source: Source, count: int, *, state: str = "kept") -> None:
    Document.objects.bulk_create(
        Document(
            workspace=source.workspace, source=source, text="A text.", characters=7, sha256="0" * 64,
            normalised_sha256="0" * 64, state=state,
        )
        for _number in range(count)
    )  # fmt: skip


def clean(source: Source, state: str) -> CleaningRun:
    return CleaningRun.objects.create(workspace=source.workspace, source=source, state=state)


def answer(project: Project, person: Any, task: Any, *, state: str = "") -> Annotation:
    """An answer that qa has taken, with its acceptance; one that waits for qa where no state is given."""
    held = Assignment.objects.create(
        workspace=project.workspace, project=project, task=task, membership=person, state="submitted",
        shown_order=list(task.candidates.order_by("position").values_list("uid", flat=True)),
    )  # fmt: skip
    made = Annotation.objects.create(
        workspace=project.workspace, project=project, task=task, assignment=held, membership=person,
        answer=an_answer(held).as_json(), checked_at=timezone.now() if state else None,
    )  # fmt: skip
    if state:
        Acceptance.objects.create(workspace=project.workspace, project=project, annotation=made, state=state)
    return made


def answered_project(cast: Cast, *states: str, name: str = "Helpfulness") -> Project:
    """Every task has Bob's answer; the states are those of the review, empty for one not yet checked."""
    project = make_project(cast, name=name)
    add_tasks(project, len(states))
    for task, state in zip(project.tasks.order_by("pk"), states, strict=True):
        answer(project, cast.bob, task, state=state)
    project.tasks.update(open_slots=0)
    Standing.objects.create(
        workspace=cast.workspace, project=project, membership=cast.bob, submitted_count=len(states)
    )
    return project


def deploy(cast: Cast, model: ModelVersion, **values: Any) -> Deployment:
    values = {"ready_at": timezone.now(), "name": "helper"} | values
    return Deployment.objects.create(workspace=cast.workspace, model=model, **values)


def write(deployment: Deployment, **values: Any) -> Output:
    return Output.objects.create(
        workspace=deployment.workspace, deployment=deployment, model=deployment.model, text="Hello.",
        prompt=[{"role": "user", "content": "Hello?"}], **values,
    )  # fmt: skip


def complain(output: Output) -> Feedback:
    return Feedback.objects.create(
        workspace=output.workspace, output=output, kind="thumb", value={"up": False}
    )


def test_in_an_empty_workspace_two_stages_can_start_and_the_others_say_what_is_first(cast: Cast) -> None:
    found = by_key(cast)
    assert [(stage.number, stage.key) for stage in found.values()] == list(enumerate(KEYS, start=1))
    assert {key for key, stage in found.items() if stage.state == "ready"} == {"collect", "annotate"}
    assert {stage.state.value for stage in found.values()} == {"ready", "empty"}
    assert all(stage.action.text for stage in found.values())
    assert all(count.value == "0" for stage in found.values() for count in stage.counts)


def test_collecting_goes_from_a_source_to_its_documents(cast: Cast) -> None:
    assert told(cast, "collect") == ("ready", "Describe the first source", "")
    source = describe(cast)
    assert told(cast, "collect") == ("ready", "Upload documents", "Letters")
    upload = DocumentUpload.objects.create(workspace=cast.workspace, source=source, file_name="a.txt")
    assert told(cast, "collect")[0] == "running"
    DocumentUpload.objects.filter(pk=upload.pk).update(state="done")
    add_documents(source, 3)
    add_documents(source, 2, state="removed")
    found = stage(cast, "collect")
    assert found.state == "done" and value(found, "documents") == "5"


def test_sources_that_no_person_described_are_not_counted(cast: Cast) -> None:
    Source.objects.create(workspace=cast.workspace, name="Answers of a project", licence="MIT")
    assert value(stage(cast, "collect"), "sources") == "0"


def test_cleaning_goes_from_documents_over_a_preview_to_what_was_kept(cast: Cast) -> None:
    assert told(cast, "clean")[0] == "empty"
    source = describe(cast)
    add_documents(source, 3)
    assert told(cast, "clean") == ("ready", "Preview the cleaning", "Letters")
    run = clean(source, "previewing")
    assert told(cast, "clean") == ("running", "A cleaning is under way", "Letters")
    CleaningRun.objects.filter(pk=run.pk).update(state="preview")
    assert told(cast, "clean") == ("attention", "Look at the preview", "Letters")
    CleaningRun.objects.filter(pk=run.pk).update(state="applied")
    assert told(cast, "clean")[0] == "done"
    add_documents(describe(cast, "Stories"), 1)
    assert told(cast, "clean") == ("ready", "Preview the cleaning", "Stories")


def test_annotating_goes_from_a_project_over_its_tasks_to_the_last_answer(cast: Cast) -> None:
    assert told(cast, "annotate") == ("ready", "Open a project", "")
    project = make_project(cast, overlap=2)
    assert told(cast, "annotate") == ("ready", "Import tasks", "Helpfulness")
    add_tasks(project, 3)
    Standing.objects.create(workspace=cast.workspace, project=project, membership=cast.bob, submitted_count=1)
    assert told(cast, "annotate") == ("running", "5 answers are wanted", "Helpfulness")
    project.tasks.update(open_slots=0)
    assert told(cast, "annotate")[0] == "done"
    Project.objects.update(state="closed")
    assert told(cast, "annotate") == ("ready", "Open a project", "")


def test_pretraining_follows_its_newest_run(cast: Cast, tmp_path: Path) -> None:
    assert told(cast, "pretrain") == ("empty", "Freeze a corpus first", "")
    rows = [{"id": str(number), "text": f"Text {number}."} for number in range(20)]
    corpus = freeze(cast.workspace, rows=rows, kind="corpus", name="corpus")
    found = stage(cast, "pretrain")
    assert (found.state, found.action.text) == ("ready", "Train the first model")
    assert found.action.url == f"/w/acme/runs/new/pretrain/?dataset={corpus.uid}"
    run = make_run(cast.workspace, dataset_version=corpus, name="base")
    assert told(cast, "pretrain") == ("running", "Watch the run", "base")
    Job.objects.update(state="failed", ended_at=timezone.now())
    assert told(cast, "pretrain") == ("attention", "See why the run failed", "base")
    run = make_run(cast.workspace, dataset_version=corpus, name="base")
    finish(run, tmp_path)
    assert told(cast, "pretrain") == ("done", "Look at the model", "base v1")
    freeze(cast.workspace, rows=rows[:10], kind="corpus", name="corpus")
    assert told(cast, "pretrain") == ("done", "Train on newer data", "corpus v2")


def test_a_cancelled_run_is_no_reason_to_look(cast: Cast) -> None:
    make_run(cast.workspace)
    Job.objects.update(state="cancelled", ended_at=timezone.now())
    assert told(cast, "pretrain")[:2] == ("ready", "Train the first model")


def test_fine_tuning_needs_a_model_and_demonstrations(cast: Cast, tmp_path: Path) -> None:
    assert told(cast, "sft")[1] == "Pretrain or import a model first"
    base = make_model(cast.workspace, tmp_path)
    demonstrations = [
        {"id": str(at), "prompt": [{"role": "user", "content": f"Say {at}"}],
         "completion": [{"role": "assistant", "content": f"{at}."}]}
        for at in range(20)
    ]  # fmt: skip
    version = freeze(cast.workspace, rows=demonstrations, kind="demonstrations", name="answers")
    found = stage(cast, "sft")
    assert (found.state, found.action.text) == ("ready", "Fine-tune a model")
    assert found.action.url == f"/w/acme/runs/new/sft/?dataset={version.uid}&model={base.uid}"
    assert value(found, "data version") == "1"


def test_alignment_goes_from_preferences_over_a_reward_model_to_ppo(cast: Cast, tmp_path: Path) -> None:
    assert told(cast, "rlhf")[1] == "Train a language model first"
    base = make_model(cast.workspace, tmp_path)
    found = stage(cast, "rlhf")
    assert found.action.text == "Train a reward model"
    assert found.action.url.endswith(f"&model={base.uid}")
    reward = make_model(cast.workspace, tmp_path, "reward", base_model=base)
    found = stage(cast, "rlhf")
    assert (found.state, found.action.text) == ("ready", "Run PPO")
    assert found.action.url.endswith(f"&model={base.uid}&reward_model={reward.uid}")
    make_model(cast.workspace, tmp_path, "ppo", base_model=base, reward_model=reward)
    assert told(cast, "rlhf") == ("done", "Look at the model", "a ppo v1")
    freeze(cast.workspace, name="newer", rows=None, heldout_share=0.5)
    assert told(cast, "rlhf") == ("done", "Train on newer data", "newer v1")


def test_a_failed_reward_run_is_not_hidden_by_an_older_model(cast: Cast, tmp_path: Path) -> None:
    base = make_model(cast.workspace, tmp_path)
    make_model(cast.workspace, tmp_path, "reward", base_model=base)
    failed = make_run(cast.workspace, "reward", base_model=base, name="again")
    Job.objects.filter(pk=failed.job_id).update(state="failed", ended_at=timezone.now())
    assert told(cast, "rlhf") == ("attention", "See why the run failed", "again")


def test_a_policy_under_an_alarm_needs_a_person(cast: Cast, tmp_path: Path) -> None:
    keep(ppo_run(cast.workspace, tmp_path), tmp_path, LENGTH)
    assert told(cast, "rlhf")[:2] == ("attention", "Reward hacking is suspected")


def test_quality_asks_for_reviews_then_a_measurement_then_the_release(cast: Cast) -> None:
    assert told(cast, "qa") == ("empty", "Answers come first", "")
    project = answered_project(cast, "accepted", "open", "open")
    answered_project(cast, "open", name="Smaller")
    assert told(cast, "qa") == ("attention", "Review 3 answers", "Helpfulness")
    assert value(stage(cast, "qa"), "accepted") == "1"
    Acceptance.objects.update(state="accepted")
    assert told(cast, "qa")[:2] == ("ready", "Measure the agreement")
    report = {"agreement": {"all": {"alpha": 0.61803}}}
    QualityReport.objects.create(workspace=cast.workspace, project=project, annotations=4, report=report)
    found = stage(cast, "qa")
    assert (found.state, value(found, "alpha")) == ("done", "0.62")
    task = project.tasks.earliest("pk")
    answer(project, cast.rita, task)
    assert told(cast, "qa")[:2] == ("running", "New answers are being checked")


@pytest.mark.parametrize("report", [{}, {"agreement": {"all": {"alpha": None}}}, {"agreement": []}])
def test_an_agreement_that_is_not_defined_is_a_dash(cast: Cast, report: dict[str, Any]) -> None:
    project = answered_project(cast, "accepted")
    QualityReport.objects.create(workspace=cast.workspace, project=project, annotations=1, report=report)
    assert value(stage(cast, "qa"), "alpha") == "–"


def test_a_person_paused_by_gold_comes_before_the_reviews(cast: Cast) -> None:
    project = answered_project(cast, "open")
    GoldScore.objects.create(workspace=cast.workspace, project=project, membership=cast.bob, verdict="failed")
    assert told(cast, "qa") == ("attention", "A person was paused by gold tasks", "Helpfulness")


def test_a_paused_person_about_whom_a_reviewer_has_decided_needs_nobody(cast: Cast) -> None:
    project = answered_project(cast, "open")
    now = timezone.now()
    score = GoldScore.objects.create(
        workspace=cast.workspace, project=project, membership=cast.bob, verdict="failed", decided_at=now,
        reviewed_at=now + timedelta(minutes=1), reviewed_by=cast.rita,
    )  # fmt: skip
    assert "paused" not in told(cast, "qa")[1]
    # Let go on, and failed again.
    GoldScore.objects.filter(pk=score.pk).update(decided_at=now + timedelta(minutes=2))
    assert told(cast, "qa")[1] == "A person was paused by gold tasks"


def test_a_corrected_answer_is_counted_as_it_stands_and_not_twice(cast: Cast) -> None:
    answered_project(cast, "open")
    before = told(cast, "qa")
    Annotation.objects.update(is_current=False)
    assert "review" in before[1].lower() and "review" not in told(cast, "qa")[1].lower()


def test_production_goes_from_a_deployment_over_its_outputs_back_to_the_annotators(
    cast: Cast, tmp_path: Path
) -> None:
    assert told(cast, "production")[0] == "empty"
    model = make_model(cast.workspace, tmp_path)
    assert told(cast, "production") == ("ready", "Deploy a model", "")
    deployment = deploy(cast, model, ready_at=None)
    assert told(cast, "production") == ("running", "The model is being loaded", "helper")
    Deployment.objects.update(ready_at=timezone.now())
    assert told(cast, "production") == ("ready", "Ask it something", "helper")
    good, bad = write(deployment), write(deployment)
    Feedback.objects.create(workspace=cast.workspace, output=good, kind="thumb", value={"up": True})
    assert told(cast, "production") == ("done", "See outputs and feedback", "helper")
    for _time in range(2):
        complain(bad)
        assert told(cast, "production") == ("attention", "Send 1 output back to annotators", "helper")
    project = make_project(cast)
    add_tasks(project, 1)
    Harvest.objects.create(
        workspace=cast.workspace, output=bad, project=project, task=project.tasks.get(),
        reason="thumb_down", probability=1.0,
    )  # fmt: skip
    found = stage(cast, "production")
    assert found.state == "done" and value(found, "sent back") == "1"
    deploy(cast, model, name="broken", failure="It ran out of memory.")
    assert told(cast, "production") == ("attention", "See why it cannot answer", "broken")


def test_tracing_tells_of_rules_that_could_not_act_and_of_erasures(cast: Cast, tmp_path: Path) -> None:
    assert told(cast, "lineage")[0] == "empty"
    project, model = make_project(cast), make_model(cast.workspace, tmp_path)
    assert told(cast, "lineage")[:2] == ("ready", "Let a rule train reward models")
    rule = RewardRule.objects.create(workspace=cast.workspace, project=project, base_model=model, threshold=5)
    assert told(cast, "lineage")[:2] == ("done", "See what the rules did")
    erasure = Erasure.objects.create(workspace=cast.workspace, subject_key="k")
    assert told(cast, "lineage")[:2] == ("running", "An erasure is under way")
    Erasure.objects.filter(pk=erasure.pk).update(state="failed")
    assert told(cast, "lineage")[0] == "attention"
    RewardRule.objects.filter(pk=rule.pk).update(problem="The model is gone.")
    assert told(cast, "lineage") == ("attention", "A rule could not act", "Helpfulness")


def test_nothing_of_another_workspace_is_counted(cast: Cast, tmp_path: Path) -> None:
    fill(cast, tmp_path, 2)
    empty = stages(membership=cast.charlie)
    assert all(count.value in {"0", "–"} for stage in empty for count in stage.counts)
    assert {stage.state.value for stage in empty} == {"ready", "empty"}


def test_a_reviewer_reads_the_steps_of_an_admin_but_gets_no_link_to_them(cast: Cast) -> None:
    alice, rita = stage(cast, "annotate"), stage(cast, "annotate", "rita")
    assert alice.action.text == rita.action.text == "Open a project"
    assert alice.action.url and not rita.action.url


def test_counting_stops_where_nobody_needs_the_number(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.counting.MOST_COUNTED", 3)
    add_documents(describe(cast), 9)
    assert value(stage(cast, "clean"), "kept") == "3+"


def fill(cast: Cast, directory: Path, count: int, *, first: int = 0) -> None:
    """So many rows of everything that the pipeline shows."""
    workspace = cast.workspace
    for number in range(first, first + count):
        source = describe(cast, f"Source {number}")
        add_documents(source, 1)
        clean(source, "applied" if number % 2 else "preview")
        DocumentUpload.objects.create(workspace=workspace, source=source, file_name="a", state="done")
        project = answered_project(cast, "open" if number % 2 else "", name=f"Project {number}")
        QualityReport.objects.create(workspace=workspace, project=project, annotations=3, report={})
        GoldScore.objects.create(workspace=workspace, project=project, membership=cast.bob)
        Erasure.objects.create(workspace=workspace, subject_key=str(number), state="done")
    base = make_model(workspace, directory)
    model = make_model(workspace, directory, "ppo", base_model=base)
    newest = Project.objects.filter(workspace=workspace).order_by("-pk")[:count]
    for number, project in enumerate(newest, start=first):
        RewardRule.objects.create(workspace=workspace, project=project, base_model=base, threshold=5)
        old = timezone.now() - timedelta(days=number)
        deployment = deploy(cast, model, name=f"d{number}", state="retired" if number else "active")
        complain(write(deployment, created_at=old))


def test_the_pages_cost_the_same_at_ten_and_two_hundred_rows_of_everything(
    cast: Cast, tmp_path: Path
) -> None:
    client = cast.client(cast.alice)

    def costs() -> list[int]:
        found = []
        for route in ("pipeline", "workspace-home"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(route, args=["acme"])).status_code == 200
            found.append(len(queries))
        return found

    fill(cast, tmp_path / "few", 10)
    costs()
    few = costs()
    fill(cast, tmp_path / "many", 190, first=10)
    assert costs() == few
    assert max(few) < 50


def open_page(cast: Cast, who: str, **headers: str) -> Any:
    return cast.client(getattr(cast, who)).get(reverse("pipeline", args=["acme"]), headers=headers)


def test_the_page_shows_every_stage_with_state_counts_and_next_step(cast: Cast, tmp_path: Path) -> None:
    answered_project(cast, "open", name="Kindness <b>")
    html = open_page(cast, "rita").content.decode()
    for found in stages(membership=cast.rita):
        row = html.split(f'id="stage-{found.key}"')[1].split("</tr>")[0]
        assert found.name in row and str(found.state.label) in row and found.action.text in row
        for count in found.counts:
            assert f"<strong>{count.value}</strong> {count.label}" in row
    assert "Kindness &lt;b&gt;" in html and "Kindness <b>" not in html


def test_the_page_renews_itself_with_a_fragment(cast: Cast) -> None:
    page = open_page(cast, "alice").content.decode()
    assert 'hx-trigger="every 5s"' in page and 'hx-get="/w/acme/pipeline/"' in page
    answered_project(cast, "open")
    fragment = open_page(cast, "alice", **{"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment and fragment.lstrip().startswith('<div id="pipeline-live"')
    assert "Review 1 answer" in fragment and "Review 1 answer" not in page


def test_what_needs_a_person_comes_first_else_the_earliest_that_can_start(cast: Cast) -> None:
    def proposed() -> str:
        html = open_page(cast, "alice").content.decode()
        return html.split("pipeline-next")[1].split("</p>")[0] if "pipeline-next" in html else ""

    make_project(cast)
    assert "Describe the first source" in proposed()
    answered_project(cast, "open", name="Kindness")
    assert "Review 1 answer" in proposed() and "Kindness" in proposed()


def test_annotators_do_not_see_the_pipeline(cast: Cast) -> None:
    assert open_page(cast, "bob").status_code == 403
    assert open_page(cast, "charlie").status_code == 404


def links_that_fail(cast: Cast, who: str) -> dict[str, int]:
    client = cast.client(getattr(cast, who))
    found = {address for stage in by_key(cast, who).values() for address in (stage.url, stage.action.url)}
    answers = {address: client.get(address).status_code for address in found if address}
    assert len(answers) > 5
    return {address: status for address, status in answers.items() if status != 200}


@pytest.mark.parametrize("who", ["alice", "rita"])
def test_every_link_leads_to_a_page_that_this_person_may_open(cast: Cast, who: str, tmp_path: Path) -> None:
    assert links_that_fail(cast, who) == {}
    source, project = describe(cast), make_project(cast)
    model = make_model(cast.workspace, tmp_path)
    assert links_that_fail(cast, who) == {}
    add_documents(source, 2)
    answered_project(cast, "open", "accepted", name="Kindness")
    deployment = deploy(cast, model)
    complain(write(deployment))
    make_run(cast.workspace, "reward", base_model=model)
    assert links_that_fail(cast, who) == {}
    preview_now(preview(source=source, by=cast.alice))
    add_tasks(project, 2)
    GoldScore.objects.create(workspace=cast.workspace, project=project, membership=cast.bob, verdict="failed")
    assert links_that_fail(cast, who) == {}
