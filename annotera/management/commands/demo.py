"""Run the whole loop once, from raw text to an aligned model and back, in the simulated world."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotera.embedded.demonstration import run_demonstration
from annotera.embedded.home import home_directory
from annotera.embedded.refusals import Refused
from annotera.embedded.supervisor import Stopped


class Command(BaseCommand):
    help = (
        "Run all ten stages headless in a fresh home: collect, clean, pretrain, fine-tune, rank with hidden "
        "gold, review, release, train a reward model, PPO, serve, hear feedback. Writes demo.json there."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--changes", type=Path, help="a JSON file with changed settings, by stage")
        parser.add_argument("--seed", type=int, help="of the simulated world and of every training")

    def handle(self, *args: object, seed: int | None, changes: Path | None, **options: Any) -> None:
        home = home_directory()
        # The loop may run as an account that cannot read the caller's files.
        text = changes.read_text(encoding="utf-8") if changes else None
        given = {"--seed": seed, "--changes": text}
        chosen = [f"{name}={value}" for name, value in given.items() if value is not None]
        try:
            document = run_demonstration(home=home, environment=os.environ, options=chosen, say=self._say)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        except Stopped:
            sys.exit(130)
        costs = json.loads(document.read_text(encoding="utf-8"))
        self._say(f"{costs['seconds']:.0f} s, {costs['cpu_seconds']:.0f} CPU-seconds. Figures: {document}")
        self._say("Look at it in a browser: make run, with the same ANNOTERA_HOME.")
        self._say((home / "demo-logins.txt").read_text(encoding="utf-8").rstrip())

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
