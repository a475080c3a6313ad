"""Browser libraries come from npm packages through an allow-list, never from a copy in the repository."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Error
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from core.palette import palette_file

# The name that pages use -> the file inside node_modules.
LIBRARIES = {
    "vendor/htmx.esm.js": "htmx.org/dist/htmx.esm.min.js",
    "vendor/sortable.js": "sortablejs/Sortable.min.js",
    "vendor/uplot.esm.js": "uplot/dist/uPlot.esm.js",
    "vendor/uplot.css": "uplot/dist/uPlot.min.css",
    "vendor/fonts/inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "vendor/fonts/inter-latin-ext.woff2": (
        "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2"
    ),
    "vendor/fonts/jetbrains-mono-latin.woff2": (
        "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2"
    ),
}


PALETTE = "vendor/palette.css"
COLOURS = "@radix-ui/colors"


class LibraryFinder(BaseFinder):
    """Finds exactly the files of LIBRARIES in node_modules, and the palette made from the colours there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.root = Path(settings.NODE_MODULES)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        missing = [source for source in LIBRARIES.values() if not (self.root / source).is_file()]
        if not missing:
            return []
        return [
            Error(
                f"Browser libraries are missing ({missing[0]}): run `make run` or `npm ci`.", id="core.E001"
            )
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        source = self.source(path)
        found = str(source) if source else None
        if find_all:
            return [found] if found else []
        return found or []

    def source(self, path: str) -> Path | None:
        """The file behind a name that pages use; None where the name is not on the list or not installed."""
        if path == PALETTE and (self.root / COLOURS).is_dir():
            return palette_file(folder=self.root / COLOURS, cache=Path(settings.ANNOTERA_HOME) / "cache")
        listed = LIBRARIES.get(path)
        return self.root / listed if listed and (self.root / listed).is_file() else None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        for name in (*LIBRARIES, PALETTE):
            source = self.source(name)
            if source:
                yield name, _SingleFile(name=name, source=source)


class _SingleFile(FileSystemStorage):
    """A storage that knows one file under another name."""

    prefix: str | None = None

    def __init__(self, *, name: str, source: Path) -> None:
        super().__init__(location=source.parent)
        self._source = source

    def path(self, name: str) -> str:
        return str(self._source)


def _without_source_maps(patterns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Drop the rules that demand source maps, which npm packages name but we do not serve."""
    kept = []
    for glob, rules in patterns:
        remaining = tuple(rule for rule in rules if "sourceMappingURL" not in str(rule))
        if remaining:
            kept.append((glob, remaining))
    return tuple(kept)


class StaticStorage(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    patterns = _without_source_maps(CompressedManifestStaticFilesStorage.patterns)
