"""manage.py import_preferences FILE --format hh --workspace W --licence SPDX"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Workspace
from core.errors import DomainError
from corpus.preference_imports import BadRow, Imported, RowsRefused, import_hh

READERS = {"hh": import_hh}


class Command(BaseCommand):
    help = "Freeze a file of preferences (.jsonl or .jsonl.gz) as a new dataset version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=sorted(READERS), required=True)
        parser.add_argument("--workspace", required=True, help="Slug of the workspace.")
        parser.add_argument("--licence", required=True, help="SPDX expression, e.g. MIT.")
        parser.add_argument("--name", default="", help="Name of the data set; the file's name by default.")
        parser.add_argument("--heldout", type=float, default=0.2, help="Share of prompts held out (0.2).")
        parser.add_argument("--skip-bad", action="store_true", help="Import the good rows of a bad file.")
        parser.add_argument("--json", action="store_true", help="Print JSON even on a terminal.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace “{options['workspace']}”.")
        try:
            imported = READERS[options["format"]](
                path=options["file"],
                workspace=workspace,
                licence=options["licence"],
                name=options["name"],
                heldout_share=options["heldout"],
                skip_bad=options["skip_bad"],
            )
        except RowsRefused as error:
            self._list(error.bad_rows, count=error.count)
            raise CommandError(error.message) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self._list(imported.skipped, count=imported.skipped_count)
        self.stdout.write(summary(imported, as_json=options["json"] or not sys.stdout.isatty()))

    def _list(self, bad_rows: list[BadRow], *, count: int) -> None:
        for row in bad_rows:
            self.stderr.write(f"line {row.line}: {row.reason}")
        if count > len(bad_rows):
            self.stderr.write(f"... and {count - len(bad_rows)} more")


def summary(imported: Imported, *, as_json: bool) -> str:
    version = imported.version
    facts = {
        "dataset_version": str(version.uid),
        "name": str(version),
        "sha256": version.sha256,
        "train_rows": version.train_rows,
        "heldout_rows": version.heldout_rows,
        "skipped": imported.skipped_count,
    }
    if as_json:
        return json.dumps(facts, ensure_ascii=False)
    return "\n".join(f"{label:16} {value}" for label, value in facts.items())
