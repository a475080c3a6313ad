"""The rule that trains a reward model by itself after so many new released preferences of a project."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership
from annotation.models import Project
from annotera.models import RewardRule, RuleFiring
from core.errors import DomainError, Invalid
from corpus.diffs import diff
from corpus.models import Dataset, DatasetVersion, LineageEdge
from training.configs import ConfigInvalid, parse_config
from training.models import ModelVersion, Stage
from training.run_checks import LANGUAGE_MODELS
from training.runs import start_run

MOST_PREFERENCES = 1_000_000_000
LONGEST_PROBLEM = 500


class RuleRefused(Invalid):
    """The rule cannot be as it was asked for; `fields` names each part that does not fit."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()), fields=fields)


def set_reward_rule(
    *,
    project: Project,
    by: Membership,
    base_model: ModelVersion | None,
    threshold: int,
    config: Mapping[str, object] | None = None,
) -> RewardRule:
    """Make the project's rule, or change it; a rule that was switched off stays off.

    Its runs are started in the name of who set it last. Raises RuleRefused.
    """
    config = dict(config or {})
    refused = _problems(project=project, base_model=base_model, threshold=threshold, config=config)
    if refused:
        raise RuleRefused(refused)
    values: dict[str, Any] = {
        "base_model": base_model, "threshold": threshold, "config": config, "problem": "", "created_by": by,
    }  # fmt: skip
    with transaction.atomic():
        rule, _made = RewardRule.objects.update_or_create(
            project=project, defaults=values, create_defaults={**values, "workspace": project.workspace}
        )
        _record_change(rule, by=by)
    return rule


def _problems(
    *, project: Project, base_model: ModelVersion | None, threshold: int, config: Mapping[str, object]
) -> dict[str, str]:
    found: dict[str, str] = {}
    if project.kind != Project.Kind.RANKING:
        found["project"] = _("Choose a ranking project: only rankings become preferences.")
    if base_model is None or base_model.workspace_id != project.workspace_id:
        found["base_model"] = _("Choose the model to start from.")
    elif base_model.stage not in LANGUAGE_MODELS:
        found["base_model"] = _("Choose a language model; this is a reward model.")
    if not 1 <= threshold <= MOST_PREFERENCES:
        found["threshold"] = _("Must lie between %(least)d and %(most)d.") % {
            "least": 1, "most": MOST_PREFERENCES,
        }  # fmt: skip
    try:
        parse_config(stage=Stage.REWARD, values=config)
    except ConfigInvalid as error:
        found |= {f"config.{name}": _(message) for name, message in error.fields.items()}
    return found


def switch_on(*, rule: RewardRule, by: Membership) -> RewardRule:
    return _switched(rule, by=by, is_active=True)


def switch_off(*, rule: RewardRule, by: Membership) -> RewardRule:
    return _switched(rule, by=by, is_active=False)


@transaction.atomic
def _switched(rule: RewardRule, *, by: Membership, is_active: bool) -> RewardRule:
    locked = RewardRule.objects.select_for_update(of=("self",)).select_related("project").get(pk=rule.pk)
    if locked.is_active != is_active:
        locked.is_active, locked.problem = is_active, ""
        locked.save(update_fields=["is_active", "problem"])
        _record_change(locked, by=by)
    return locked


def _record_change(rule: RewardRule, *, by: Membership) -> None:
    audit.record(
        kind=AuditEvent.Kind.RULE_CHANGED,
        membership=by,
        object_kind="reward_rule",
        object_uid=rule.uid,
        project=rule.project.name,
        threshold=rule.threshold,
        is_active=rule.is_active,
    )


def check_rules() -> int:
    """Let every active rule act that is due, and tell how many did. Called every few seconds; two calls at
    once let a rule act once.
    """
    rules = RewardRule.objects.filter(is_active=True).select_related("project")
    return sum(_check(rule) is not None for rule in rules.order_by("pk"))


def _check(rule: RewardRule) -> RuleFiring | None:
    version = newest_release(rule.project)
    if version is None:
        return None
    if rule.counted_version_id != version.pk:
        _count(rule, version)
    if rule.new_preferences < rule.threshold:
        return None
    return _fire(rule, version)


def newest_release(project: Project) -> DatasetVersion | None:
    """The newest version of the project's preferences from which nothing was erased."""
    edges = LineageEdge.objects.filter(
        child_kind="dataset_version", parent_kind="project", parent_uid=project.uid
    )
    versions = DatasetVersion.objects.filter(
        workspace_id=project.workspace_id,
        dataset__kind=Dataset.Kind.PREFERENCES,
        redacted_at__isnull=True,
        uid__in=edges.values("child_uid"),
    )
    return versions.select_related("dataset", "workspace").order_by("-pk").first()


def _count(rule: RewardRule, version: DatasetVersion) -> None:
    """Remember how many preferences of the version are new to the rule; once for each version. Reading files
    takes its time, so it is done outside of any transaction.
    """
    last = last_firing(rule)
    count = new_preferences(older=last.version if last else None, newer=version)
    with transaction.atomic():
        locked = RewardRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
        if last_firing(locked) == last:
            locked.counted_version, locked.new_preferences = version, count
            locked.save(update_fields=["counted_version", "new_preferences"])
    rule.new_preferences = count


def last_firing(rule: RewardRule) -> RuleFiring | None:
    firings = RuleFiring.objects.filter(rule=rule).select_related("version__workspace", "version__dataset")
    return firings.order_by("-pk").first()


def new_preferences(*, older: DatasetVersion | None, newer: DatasetVersion) -> int:
    """The rows of the newer version that are not in the older one; all of them where there is none.

    A version is a snapshot, so it holds the rows of the one before too. Where the two cannot be compared row
    by row (a file was erased, or there are too many rows), the difference of their sizes is taken.
    """
    rows = newer.train_rows + newer.heldout_rows
    if older is None:
        return rows
    if older.pk >= newer.pk:
        return 0
    more = max(0, rows - older.train_rows - older.heldout_rows)
    if policy_of(older) != policy_of(newer):
        # Rows of another policy have other ids, though nobody has answered anything.
        return more
    try:
        return diff(older=older, newer=newer, limit=0).added
    except DomainError:
        return more


def policy_of(version: DatasetVersion) -> object:
    """The policy under which a version was released; None for one that states none."""
    release = version.manifest.get("policy", {}).get("release") or {}
    return release.get("policy")


def _fire(rule: RewardRule, version: DatasetVersion) -> RuleFiring | None:
    """Start the run and note it, in one transaction; a refusal is noted on the rule, which tries again."""
    with transaction.atomic():
        locked = _locked_if_due(rule, version)
        if locked is None:
            return None
        try:
            with transaction.atomic():
                return _act(locked, version)
        except DomainError as refusal:
            problem = refusal.message[:LONGEST_PROBLEM]
    if locked.problem != problem:
        RewardRule.objects.filter(pk=locked.pk).update(problem=problem)
    return None


def _locked_if_due(rule: RewardRule, version: DatasetVersion) -> RewardRule | None:
    """The rule's row, unless another sweep holds it or has acted on the version, or a person changed it."""
    rows = RewardRule.objects.select_for_update(of=("self",), skip_locked=True)
    parts = ("workspace", "project", "base_model", "created_by")
    locked = rows.select_related(*parts).filter(pk=rule.pk).first()
    if locked is None or not locked.is_active or locked.new_preferences < locked.threshold:
        return None
    last = last_firing(locked)
    return None if last and last.version_id >= version.pk else locked


def _act(rule: RewardRule, version: DatasetVersion) -> RuleFiring:
    run = start_run(
        workspace=rule.workspace,
        stage=Stage.REWARD,
        config_values=rule.config,
        dataset_version=version,
        base_model=rule.base_model,
        by=rule.created_by,
    )
    firing = RuleFiring.objects.create(
        workspace=rule.workspace, rule=rule, version=version, preferences=rule.new_preferences, run=run
    )
    rule.problem, rule.new_preferences = "", 0
    rule.save(update_fields=["problem", "new_preferences"])
    audit.record(
        kind=AuditEvent.Kind.RULE_FIRED,
        workspace=rule.workspace,
        object_kind="reward_rule",
        object_uid=rule.uid,
        project=rule.project.name,
        preferences=firing.preferences,
        version=str(version),
        run=str(run.uid),
    )
    return firing
