import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Membership
from annotation.models import Annotation, Project, Task
from annotation.queue import Handed, hand_out
from annotera.demo import SIMULATED_ANSWERS, TASKS, load_demo
from annotera.demo_texts import RUDE_OPENINGS
from corpus import lineage, versions
from corpus.models import DatasetVersion
from jobs.models import Job
from qa.release import release_preferences
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


def test_the_three_logins_open_the_workspace():
    for login in load_demo():
        client = Client()
        answer = client.post("/login/", {"email": login.email, "password": login.password})
        assert answer.status_code == 302, login.name
        assert client.get("/w/demo/").status_code == 200


def test_passwords_differ_between_people_and_installations(django_user_model):
    passwords = {login.password for login in load_demo()}
    assert len(passwords) == 3
    assert all(len(password) >= 16 for password in passwords)


def test_simulated_answers_are_marked_and_leave_work_for_people():
    load_demo()
    assert Annotation.objects.filter(is_simulated=True).count() == SIMULATED_ANSWERS
    assert not Annotation.objects.filter(is_simulated=False).exists()
    assert Task.objects.filter(open_slots__gt=0).count() == TASKS - SIMULATED_ANSWERS


def test_the_simulated_answers_can_be_frozen_and_prefer_kind_answers():
    load_demo()
    alice = Membership.objects.select_related("workspace").get(user__name="Alice")
    version = release_preferences(project=Project.objects.get(), by=alice)
    assert 0 < version.heldout_rows < version.train_rows
    pairs = versions.rows(version, split="train", limit=200)
    assert version.train_rows > SIMULATED_ANSWERS
    rude = {side: sum(is_rude(pair[side]) for pair in pairs) for side in ("chosen", "rejected")}
    assert rude["chosen"] < 0.2 * rude["rejected"]


def is_rude(messages: list[dict[str, str]]) -> bool:
    return messages[-1]["content"].startswith(RUDE_OPENINGS)


def test_a_starter_model_is_queued_and_its_data_has_a_source():
    load_demo()
    run = TrainingRun.objects.select_related("job").get()
    assert (run.stage, run.job.state) == ("pretrain", Job.State.QUEUED)
    parents = lineage.parents_of("dataset_version", DatasetVersion.objects.get().uid)
    assert [edge.parent_kind for edge in parents] == ["source"]


def test_loading_twice_is_refused_and_changes_nothing():
    load_demo()
    before = Task.objects.count()
    with pytest.raises(CommandError, match="exists already"):
        call_command("load_demo")
    assert Task.objects.count() == before


def test_the_credentials_file_is_for_its_owner_only(tmp_path: Path, capsys):
    path = tmp_path / "logins.txt"
    call_command("load_demo", credentials_file=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "alice@demo.local" in path.read_text()
    assert "alice@demo.local" not in capsys.readouterr().out


def test_bob_must_agree_to_what_is_recorded_before_he_gets_a_task():
    load_demo()
    bob = Membership.objects.select_related("workspace", "user").get(user__name="Bob")
    assert not isinstance(hand_out(membership=bob, project=Project.objects.get()), Handed)
