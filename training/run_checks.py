"""Whether the parts of a run fit together: stage, data and models.

What only the weights can tell, such as one tokenizer for all, the engine checks.
"""

from django.utils.translation import gettext as _

from accounts.models import Workspace
from core.errors import Invalid
from corpus.models import Dataset, DatasetVersion
from corpus.redactions import last_successor
from training.models import ModelVersion, Stage

Kind = Dataset.Kind

LANGUAGE_MODELS = frozenset({Stage.PRETRAIN, Stage.SFT, Stage.PPO})
DATA_KINDS: dict[Stage, frozenset[Kind]] = {
    Stage.PRETRAIN: frozenset({Kind.CORPUS, Kind.PREFERENCES, Kind.DEMONSTRATIONS}),
    Stage.SFT: frozenset({Kind.DEMONSTRATIONS, Kind.PREFERENCES}),
    Stage.REWARD: frozenset({Kind.PREFERENCES}),
    Stage.PPO: frozenset({Kind.PROMPTS, Kind.PREFERENCES, Kind.DEMONSTRATIONS}),
}


class RunRefused(Invalid):
    """The parts of the run do not fit; `fields` names each that does not."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()), fields=fields)


def known_stage(stage: str) -> Stage:
    """Raises RunRefused for a stage that does not exist."""
    if stage in Stage.values:
        return Stage(stage)
    raise RunRefused(
        {"stage": _("Choose one of these stages: %(names)s.") % {"names": ", ".join(Stage.values)}}
    )


def base_stages(stage: Stage) -> frozenset[Stage]:
    """The stages whose models this stage can start from; empty for pretraining."""
    return frozenset() if stage == Stage.PRETRAIN else LANGUAGE_MODELS


def problems(
    *,
    workspace: Workspace,
    stage: Stage,
    dataset_version: DatasetVersion | None,
    base_model: ModelVersion | None,
    reward_model: ModelVersion | None,
    second_model: ModelVersion | None,
) -> dict[str, str]:
    """What does not fit, by field; empty when the run can start."""
    found = {
        "dataset_version": _data_problem(stage, dataset_version),
        "base_model": _base_problem(stage, base_model),
        "reward_model": _reward_problem(stage, reward_model),
        "second_model": _second_problem(stage, second_model, reward_model),
    }
    given = {
        "dataset_version": dataset_version,
        "base_model": base_model,
        "reward_model": reward_model,
        "second_model": second_model,
    }
    for name, part in given.items():
        if part is not None and part.workspace_id != workspace.pk:
            found[name] = _("There is nothing by this id in this workspace.")
    return {name: problem for name, problem in found.items() if problem}


def _data_problem(stage: Stage, version: DatasetVersion | None) -> str:
    if version is None:
        return _("Choose a dataset version.")
    if version.redacted_at:
        return _redaction(version)
    if version.dataset.kind in DATA_KINDS[stage]:
        return "" if version.train_rows else _("This version has no training rows.")
    kinds = ", ".join(sorted(str(kind.label) for kind in DATA_KINDS[stage]))
    return _("%(stage)s needs one of: %(kinds)s. This version holds %(kind)s.") % {
        "stage": stage.label, "kinds": kinds, "kind": version.dataset.get_kind_display(),
    }  # fmt: skip


def _redaction(version: DatasetVersion) -> str:
    left = last_successor(version)
    if left is None:
        return _("This version is redacted: all of its rows were erased. Choose another one.")
    return _("This version is redacted: a person's data was erased from it. Choose %(left)s.") % {
        "left": str(left)
    }


def _base_problem(stage: Stage, model: ModelVersion | None) -> str:
    allowed = base_stages(stage)
    if not allowed:
        return _("Pretraining starts from nothing: choose no model.") if model else ""
    if model is None:
        return _("Choose the model to start from.")
    if model.stage not in allowed:
        return _("Choose a language model; this is a reward model.")
    return ""


def _reward_problem(stage: Stage, model: ModelVersion | None) -> str:
    if stage != Stage.PPO:
        return _("Only PPO takes a reward model.") if model else ""
    if model is None:
        return _("Choose a trained reward model.")
    if model.stage != Stage.REWARD:
        return _("Choose a reward model; this is a language model.")
    return ""


def _second_problem(stage: Stage, model: ModelVersion | None, reward_model: ModelVersion | None) -> str:
    if model is None:
        return ""
    if stage != Stage.PPO:
        return _("Only PPO takes a checking model.")
    if model.stage != Stage.REWARD:
        return _("Choose a reward model; this is a language model.")
    # By its content: a run that was repeated with the same seed registers the same weights again.
    if reward_model is not None and model.sha256 == reward_model.sha256:
        return _("Choose another model than the reward model: the policy learns to please that one.")
    return ""
