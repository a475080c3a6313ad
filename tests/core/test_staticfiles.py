from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from core.staticfiles import LIBRARIES, PALETTE, LibraryFinder


@pytest.fixture
def packages(settings, tmp_path) -> Path:
    """A node_modules with every listed file and some that nobody may fetch."""
    root = tmp_path / "node_modules"
    for source in (*LIBRARIES.values(), "htmx.org/package.json", "evil/index.js", ".package-lock.json"):
        path = root / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    settings.NODE_MODULES = str(root)
    return root


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_listed_library_is_found_under_its_name(packages, name):
    assert Path(LibraryFinder().find(name)).read_text() == LIBRARIES[name]


@pytest.mark.parametrize(
    "name",
    [
        "htmx.org/package.json",
        "vendor/htmx.org/package.json",
        "evil/index.js",
        "vendor/../evil/index.js",
        "vendor/htmx.esm.js/../../evil/index.js",
        "../.package-lock.json",
        "/etc/passwd",
        "",
        "vendor/htmx.esm.js\x00",
    ],
)
def test_everything_else_is_not(packages, name):
    assert not LibraryFinder().find(name)
    assert LibraryFinder().find(name, find_all=True) == []


def test_collecting_lists_the_same_files_and_their_content(packages):
    listed = dict(LibraryFinder().list(None))
    assert set(listed) == set(LIBRARIES)
    for name, storage in listed.items():
        with storage.open(name) as handle:
            assert handle.read().decode() == LIBRARIES[name]


def test_a_missing_package_is_a_sentence_with_the_remedy(packages):
    assert LibraryFinder().check() == []
    (packages / "htmx.org/dist/htmx.esm.min.js").unlink()
    (complaint,) = LibraryFinder().check()
    assert "make run" in complaint.msg
    assert not LibraryFinder().find("vendor/htmx.esm.js")


def test_the_installed_packages_serve_the_pages_libraries_and_colours():
    for name in (*LIBRARIES, PALETTE, "css/base.css", "js/app.js"):
        assert finders.find(name), name
