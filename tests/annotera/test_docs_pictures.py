"""The pictures in the documents: made by one script, each used, each with words for who cannot see it."""

import importlib.util
import re
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.annotera.console_blocks import ROOT, documents

IMAGES = ROOT / "docs" / "images"
USED = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
pytestmark = pytest.mark.skipif(not IMAGES.exists(), reason="needs a checkout")


def uses() -> list[tuple[Path, str, Path]]:
    """Document, alternative text, and picture of every use."""
    return [
        (document, words, (document.parent / name).resolve())
        for document in documents()
        for words, name in USED.findall(document.read_text(encoding="utf-8"))
    ]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", ROOT / "scripts" / "make_pictures.py")
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up by name.
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def size_of(picture: Path) -> tuple[int, int]:
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n"), picture
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def test_every_picture_is_one_of_the_scripts_table_and_the_other_way_round(script: ModuleType) -> None:
    listed = [picture.file for picture in script.PICTURES]
    assert len(listed) == len(set(listed))
    assert {path.name for path in IMAGES.iterdir()} == set(listed)


def test_every_picture_is_used() -> None:
    assert {path.resolve() for path in IMAGES.iterdir()} == {picture for _document, _words, picture in uses()}


def test_every_use_has_an_alternative_text_of_some_words() -> None:
    silent = [(document.name, picture.name) for document, words, picture in uses() if len(words.split()) < 3]
    assert not silent


def test_every_picture_has_an_alternative_text_in_the_table(script: ModuleType) -> None:
    assert all(len(picture.alt.split()) >= 3 for picture in script.PICTURES)


def test_every_picture_has_the_size_of_the_script_and_is_small(script: ModuleType) -> None:
    for path in IMAGES.iterdir():
        assert size_of(path) == (script.WIDTH, script.HEIGHT), path.name
        assert path.stat().st_size <= script.LARGEST_BYTES, path.name
