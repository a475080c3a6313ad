import shutil

import pytest
from django.test import Client

from annotera import health


@pytest.mark.django_db
def test_healthz_answers_without_a_query(client: Client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert response.status_code == 200
    assert response.content == b"ok\n"


@pytest.mark.django_db
def test_readyz_names_every_part(client: Client):
    response = client.get("/readyz")
    assert response.json() == {
        "ready": True,
        "parts": {"database": "ok", "migrations": "ok", "broker": "ok", "disk": "ok"},
    }


@pytest.mark.django_db
def test_readyz_says_which_part_is_down_and_why(client: Client, monkeypatch):
    monkeypatch.setitem(health.current_app.conf, "broker_url", "redis+socket:///nowhere/valkey.sock")
    response = client.get("/readyz")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["broker"].startswith("does not answer")
    assert parts["database"] == "ok"


@pytest.mark.django_db
def test_readyz_says_that_the_disk_is_full(client: Client, monkeypatch):
    enough = shutil.disk_usage("/").free // (1024 * 1024)
    monkeypatch.setattr(health, "FREE_DISK_MIB", enough + 1_000_000)
    assert "MiB free" in client.get("/readyz").json()["parts"]["disk"]
