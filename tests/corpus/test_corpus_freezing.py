"""Kept documents become a frozen corpus or prompts, with their sources as parents."""

from pathlib import Path
from typing import Any

import pytest

from core import blobs
from core.errors import Invalid
from corpus import corpus_freezing, job_handlers, lineage, versions
from corpus.corpus_freezing import freeze_corpus, freeze_or_enqueue, freeze_prompts
from corpus.erasing import Search, erase_from_versions
from corpus.intake import read_now
from corpus.licences import all_of
from corpus.models import DatasetVersion, Document, Erasure, Source
from corpus.sources import SourceExpired
from corpus.subjects import subject_key
from corpus.versions import AlreadyFrozen, DatasetKindDiffers, NothingToFreeze, SubjectErasedMeanwhile
from jobs.models import Job
from tests.conftest import Cast
from tests.corpus.collected import json_lines, make_source, upload


@pytest.fixture
def sources(cast: Cast, tmp_path: Path) -> list[Source]:
    made = [make_source(cast, "Web"), make_source(cast, "Books", licence="MIT")]
    for source, count in zip(made, (30, 10), strict=True):
        rows = [{"text": f"{source.name} text {n}.", "lang": "en", "subject": f"p{n}"} for n in range(count)]
        read_now(upload=upload(source, cast, json_lines(rows), folder=tmp_path))
    Document.objects.filter(text="Web text 0.").update(state="removed")
    return made


def rows_of(version: DatasetVersion) -> list[dict[str, object]]:
    return [row for split in ("train", "heldout") for row in versions.rows(version, split=split, limit=200)]


def test_the_kept_documents_of_the_sources_become_rows(cast: Cast, sources: list[Source]) -> None:
    version = freeze_corpus(
        workspace=cast.workspace, by=cast.alice, sources=sources, name="All", note="First"
    )
    rows = rows_of(version)
    assert len(rows) == 39 and 0 < version.heldout_rows < 20
    kept = Document.objects.filter(state="kept")
    assert {(row["id"], row["text"], row["subject_key"]) for row in rows} == {
        (str(one.uid), one.text, one.subject_key) for one in kept
    }
    assert {row["source"] for row in rows} == {"Web", "Books"}
    manifest = version.manifest
    assert manifest["counts"] == {"documents": 39, "source:Web": 29, "source:Books": 10}
    assert manifest["licence"] == "CC-BY-4.0 AND MIT"
    assert (manifest["kind"], version.note) == ("corpus", "First")


def test_the_sources_are_the_parents(cast: Cast, sources: list[Source]) -> None:
    version = freeze_corpus(workspace=cast.workspace, by=cast.alice, sources=sources, name="All")
    node = ("dataset_version", version.uid)
    assert {one.uid for one in lineage.ancestors(workspace=cast.workspace, node=node)} == {
        source.uid for source in sources
    }


def test_a_document_becomes_a_prompt(cast: Cast, sources: list[Source]) -> None:
    version = freeze_prompts(workspace=cast.workspace, by=cast.alice, sources=sources[1:], name="Asked")
    assert version.dataset.kind == "prompts"
    assert rows_of(version)[0]["prompt"] == [{"role": "user", "content": "Books text 0."}]
    with pytest.raises(DatasetKindDiffers):
        freeze_corpus(workspace=cast.workspace, by=cast.alice, sources=sources, name="Asked")


def test_the_same_documents_are_the_same_version(cast: Cast, sources: list[Source]) -> None:
    first = freeze_corpus(workspace=cast.workspace, by=cast.alice, sources=sources, name="All")
    with pytest.raises(AlreadyFrozen) as refused:
        freeze_corpus(workspace=cast.workspace, by=cast.alice, sources=sources[::-1], name="All")
    assert refused.value.version == first


def test_a_source_past_its_retention_is_refused(cast: Cast, sources: list[Source]) -> None:
    Source.objects.filter(pk=sources[1].pk).update(retention_until="2020-01-01")
    sources[1].refresh_from_db()
    with pytest.raises(SourceExpired):
        freeze_corpus(workspace=cast.workspace, by=cast.alice, sources=sources, name="All")
    assert not DatasetVersion.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"name": ""}, "name"), ({"heldout_share": 2.0}, "heldout_share"), ({"sources": []}, "sources"),
     ({"note": "x" * 501}, "note")],
)  # fmt: skip
def test_what_is_wrong_is_named(
    cast: Cast, sources: list[Source], wrong: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        freeze_corpus(
            **{"workspace": cast.workspace, "by": cast.alice, "sources": sources, "name": "All", **wrong}
        )
    assert set(refused.value.fields) == {field}


def test_nothing_kept_is_nothing_to_freeze(cast: Cast) -> None:
    with pytest.raises(NothingToFreeze):
        freeze_corpus(workspace=cast.workspace, by=cast.alice, sources=[make_source(cast)], name="All")


def test_an_erasure_that_ends_before_the_files_are_stored_leaves_none_of_the_person(
    cast: Cast, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = subject_key(workspace=cast.workspace, identifier="p3")
    hers = Search(workspace=cast.workspace, keys=[key])

    def overtaken(**values: Any) -> None:
        Erasure.objects.create(workspace=cast.workspace, subject_key=key, state="done")
        erase_from_versions(hers)
        store_files(**values)
        assert any(map(hers.rows_in_file, blobs.stored(workspace=cast.workspace.uid)))
        hers.rows_in.clear()

    store_files = versions.store_files
    monkeypatch.setattr(versions, "store_files", overtaken)
    with pytest.raises(SubjectErasedMeanwhile):
        freeze_corpus(workspace=cast.workspace, by=cast.alice, sources=sources, name="All")
    assert not any(map(hers.rows_in_file, blobs.stored(workspace=cast.workspace.uid)))


def test_a_large_corpus_is_frozen_by_a_job(
    cast: Cast, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_freezing, "MOST_IN_A_REQUEST", 20)
    job = freeze_or_enqueue(
        kind="corpus", workspace=cast.workspace, by=cast.alice, sources=sources, name="All"
    )
    assert isinstance(job, Job) and job.kind == "corpus.freeze"

    class Context:
        payload = job.payload

    first = job_handlers.freeze(Context())
    assert DatasetVersion.objects.get(uid=first["version"]).train_rows > 20
    assert job_handlers.freeze(Context()) == first


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["MIT", "MIT"], "MIT"),
        (["MIT", "CC-BY-4.0"], "MIT AND CC-BY-4.0"),
        (["MIT OR Apache-2.0", "LicenseRef-own"], "(MIT OR Apache-2.0) AND LicenseRef-own"),
    ],
)
def test_all_licences_of_the_parts_apply_to_the_whole(parts: list[str], whole: str) -> None:
    assert all_of(parts) == whole
