"""Which windows of text a pretraining step reads: of everything as it stands, or of each source by its
weight.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from training.configs import PretrainConfig
from training.mixture import weights

UNNAMED = "no source named"


class TrainingText:
    """The training documents as one row of ids, and for each token the number of its source."""

    def __init__(
        self, documents: Iterable[Sequence[int]], sources: Sequence[str], config: PretrainConfig
    ) -> None:
        self.config = config
        self.names = sorted(set(sources))
        rows = [torch.tensor(ids, dtype=torch.int32) for ids in documents]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
        number = {name: place for place, name in enumerate(self.names)}
        numbers = torch.tensor([number[name] for name in sources], dtype=torch.int32)
        self.tokens = torch.cat(rows) if rows else torch.empty(0, dtype=torch.int32)
        self.source_of = numbers.repeat_interleave(lengths)
        self.counts = self.count(self.source_of)
        # Of one source, every mixture is the same: the text as it stands.
        self.is_mixed = config.mixture != "proportional" and len(self.names) > 1
        if self.is_mixed:
            order = torch.argsort(self.source_of, stable=True)
            self.tokens, self.source_of = self.tokens[order], self.source_of[order]

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        """The windows of a step, (batch, context) ids, and the sources of their tokens.

        They depend on data, settings and step alone, so a resumed run sees what it would have seen.
        """
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        places = self._by_weight(generator) if self.is_mixed else self._anywhere(generator)
        return self.tokens[places].long(), self.source_of[places]

    def _anywhere(self, generator: torch.Generator) -> Tensor:
        length, batch = self.config.context_length, self.config.batch_size
        starts = torch.randint(0, len(self.tokens) - length + 1, (batch,), generator=generator)
        return starts[:, None] + torch.arange(length)

    def _by_weight(self, generator: torch.Generator) -> Tensor:
        """Each window lies within one source and goes on at its beginning past its end, so that every token
        is as likely as any other of its source, and a source may be shorter than a window.
        """
        batch = self.config.batch_size
        shares = torch.tensor(list(self.shares.values()), dtype=torch.float64)
        counts = torch.tensor(list(self.counts.values()))
        # Evenly spaced points instead of free ones: a batch is off its shares by less than one window.
        points = (torch.arange(batch) + torch.rand(1, generator=generator, dtype=torch.float64)) / batch
        chosen = torch.searchsorted(shares.cumsum(0), points, right=True).clamp(max=len(shares) - 1)
        sizes, firsts = counts[chosen], (counts.cumsum(0) - counts)[chosen]
        starts = (torch.rand(batch, generator=generator, dtype=torch.float64) * sizes).long()
        within = (starts[:, None] + torch.arange(self.config.context_length)) % sizes[:, None]
        return firsts[:, None] + within

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of the run's tokens that is asked of each source."""
        config = self.config
        return weights(
            self.counts,
            method=config.mixture,
            temperature=config.mixture_temperature,
            budget=config.steps * config.batch_size * config.context_length,
            most_epochs=config.mixture_epochs,
        )

    def count(self, sources: Tensor) -> dict[str, int]:
        """How many of these tokens are of each source."""
        counts = torch.bincount(sources.flatten(), minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    def figures(self, read: Mapping[str, int]) -> dict[str, float]:
        """Tokens that the run read of each source, and how many times over; nothing where no row names
        one.
        """
        if self.names == [""]:
            return {}
        figures: dict[str, float] = {}
        for name, count in read.items():
            figures[f"source_tokens:{name or UNNAMED}"] = count
            figures[f"source_epochs:{name or UNNAMED}"] = round(count / max(1, self.counts[name]), 4)
        return figures
