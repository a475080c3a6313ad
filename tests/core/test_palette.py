from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from core.palette import COLOURS, palette_css, palette_file
from core.staticfiles import LIBRARIES


@pytest.fixture
def folder() -> Path:
    return Path(settings.NODE_MODULES) / "@radix-ui" / "colors"


def test_every_step_has_a_light_and_a_dark_value(folder: Path) -> None:
    sheet = palette_css(folder)
    assert sheet.count("light-dark(") == 12 * len(COLOURS)
    assert "--slate-1:light-dark(#fcfcfd,#111113);" in sheet


def test_the_file_is_written_once(folder: Path, tmp_path: Path) -> None:
    first = palette_file(folder=folder, cache=tmp_path / "cache")
    written_at = first.stat().st_mtime_ns
    assert palette_file(folder=folder, cache=tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == written_at
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.name]


@pytest.mark.parametrize("name", [*LIBRARIES, "vendor/palette.css"])
def test_each_listed_library_is_found(name: str) -> None:
    assert Path(finders.find(name)).is_file()


def test_nothing_else_of_node_modules_is_served() -> None:
    assert finders.find("htmx.org/package.json") is None
    assert finders.find("vendor/../htmx.org/package.json") is None
