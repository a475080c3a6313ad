"""Nobody fills the disk by sending a form."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotation.models import TaskImport
from core import uploads
from tests.annotation.worlds import make_project


@pytest.fixture
def files(settings, tmp_path):
    """Where uploads are kept while they are read; everything goes to the disk."""
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    return settings.FILE_UPLOAD_TEMP_DIR


def visitor() -> Client:
    """A browser whose forms are checked for their token, which is read from the form itself."""
    client = Client(enforce_csrf_checks=True)
    client.get(reverse("login"))
    return client


def test_a_stranger_cannot_upload_more_than_a_form_holds(db, files, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    client = visitor()
    for size, status in ((20_000, 413), (1_000, 403)):
        answer = client.post(reverse("login"), {"file": SimpleUploadedFile("big", b"x" * size)})
        assert answer.status_code == status
    assert list(files.iterdir()) == []


def test_a_member_cannot_upload_more_than_the_limit_on_any_page(cast, files, settings, monkeypatch):
    settings.UPLOAD_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 30_000, 10_000
    monkeypatch.setattr(uploads, "AROUND_A_FILE", 1_000)
    project = make_project(cast)
    client = cast.client(cast.alice)
    for name in ("project-import", "project-settings", "guideline-publish"):
        address = reverse(name, args=["acme", project.uid])
        answer = client.post(address, {"file": SimpleUploadedFile("big", b"x" * 40_000)})
        assert answer.status_code == 413
    assert list(files.iterdir()) == []


def test_what_is_within_the_limit_arrives_whole(cast, files, settings):
    settings.UPLOAD_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 30_000, 10_000
    project = make_project(cast)
    line = b'{"prompt": "Why?", "candidates": ["a", "b"]}\n'
    address = reverse("project-import", args=["acme", project.uid])
    answer = cast.client(cast.alice).post(address, {"file": SimpleUploadedFile("a.jsonl", line * 500)})
    assert answer.status_code == 302
    assert TaskImport.objects.get().rows == 500
