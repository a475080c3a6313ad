"""Several runs beside one another: which may be compared, and what the page shows of them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import Unreadable
from training.models import TrainingRun
from training.run_figures import FinalRow, final_rows, incomparable
from training.run_listing import as_uid
from training.settings_table import Differing, compared_settings

LEAST_COMPARED, MOST_COMPARED = 2, 5


@dataclass(frozen=True)
class Comparison:
    """`reserve` says why no figure is marked as the best; empty where one may be."""

    runs: list[TrainingRun]
    labels: list[str]
    final: list[FinalRow]
    settings: list[Differing]
    reserve: str

    @property
    def named(self) -> list[tuple[TrainingRun, str]]:
        return list(zip(self.runs, self.labels, strict=True))

    @property
    def shared(self) -> list[FinalRow]:
        """Figures that more than one of the runs has."""
        return [row for row in self.final if row.is_shared]

    @property
    def main(self) -> list[FinalRow]:
        """Of the shared figures those that say how good a model is, else all of them."""
        return [row for row in self.shared if row.is_main] or self.shared

    @property
    def rest(self) -> list[FinalRow]:
        return [row for row in self.shared if row not in self.main]

    @property
    def lone(self) -> list[FinalRow]:
        return [row for row in self.final if not row.is_shared]

    @property
    def differing(self) -> list[Differing]:
        """A setting that one stage alone knows differs in nothing: it stands among all settings."""
        return [row for row in self.settings if row.differs and row.is_shared]


def uids_of(texts: Sequence[str]) -> list[uuid.UUID]:
    """The runs of `?run=a&run=b` or `?run=a,b`, each once; raises Unreadable for too few or too many."""
    parts = [part for text in texts for part in text.split(",") if part]
    uids = list(dict.fromkeys(as_uid(part, field="run") for part in parts))
    if not LEAST_COMPARED <= len(uids) <= MOST_COMPARED:
        raise Unreadable(
            _("Choose %(least)d to %(most)d runs in the list of runs.")
            % {"least": LEAST_COMPARED, "most": MOST_COMPARED},
            fields={"run": _("too few or too many")},
        )
    return uids


def labels_of(runs: Sequence[TrainingRun]) -> list[str]:
    """Their names; where two are called alike, with the number of their model or of their place."""
    names = [run.name for run in runs]
    return [
        run.name if names.count(run.name) == 1 else _told_apart(run, place)
        for place, run in enumerate(runs, start=1)
    ]


def _told_apart(run: TrainingRun, place: int) -> str:
    return str(run.output_model) if run.output_model else f"{run.name} ({place})"


def compared(runs: Sequence[TrainingRun]) -> Comparison:
    return Comparison(
        runs=list(runs),
        labels=labels_of(runs),
        final=final_rows(runs),
        settings=compared_settings([(run.stage, run.config) for run in runs]),
        reserve=incomparable(runs),
    )
