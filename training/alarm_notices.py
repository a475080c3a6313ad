"""How a run stands with its alarms: suspected of reward hacking, suspected at some time, or never."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from training.alarms import Alarm
from training.models import ModelVersion, RunMetric, TrainingRun

KINDS: dict[str, Promise] = {
    "distinct": gettext_lazy("The same answer to many prompts"),
    "form": gettext_lazy("Answers without an end"),
    "length": gettext_lazy("The length of the answers"),
    "second_score": gettext_lazy("The checking model disagrees"),
    "kl": gettext_lazy("Far from the starting policy"),
}
STEPS_NAMED = 6
# Measured at every evaluation on held-out prompts and at no other step.
EVALUATED = "heldout_kl_sequence"


@dataclass(frozen=True)
class Sign:
    """One kind of alarm as it stood last, and the updates at which it stood."""

    title: str
    reason: str
    hint: str
    steps: str


@dataclass(frozen=True)
class Notice:
    """`level` is `bad` for what stands now and `warn` for what has passed; `key` differs between notices."""

    level: str
    title: str
    sentence: str
    key: str
    signs: list[Sign] = field(default_factory=list)
    earlier: list[Sign] = field(default_factory=list)


@dataclass(frozen=True)
class Badge:
    """A word for lists."""

    state: str
    text: str


def notice_for(run: TrainingRun) -> Notice | None:
    """What the page of a run says on top; None when no alarm was ever raised."""
    raised = run.raised_alarms()
    if run.output_model_id is not None:
        return notice_of_model(run, raised=raised)
    if not raised:
        return None
    newest = [alarm for alarm in raised if alarm.step == raised[0].step]
    if _was_evaluated_after(run, newest[0].step):
        return _passed(raised, _("The newest evaluation has none."))
    where = _("At update %(step)d, the last that was evaluated, on held-out prompts:") % {
        "step": newest[0].step
    }
    return _standing(newest, raised, where)


def notice_of_model(run: TrainingRun, *, raised: Collection[Alarm] = ()) -> Notice | None:
    """What is to be said of the model that a run made."""
    update = run.result.get("metrics", {}).get("best_update")
    if run.standing_alarms:
        return _standing(run.standing_alarms, raised, _shown_by_kept(update))
    return _passed(raised, _clear_in_kept(update)) if raised else None


def _shown_by_kept(update: object) -> str:
    if not isinstance(update, int):
        return _("The policy that was kept shows on held-out prompts:")
    return _("The policy that was kept (update %(step)d) shows on held-out prompts:") % {"step": update}


def _clear_in_kept(update: object) -> str:
    if not isinstance(update, int):
        return _("The policy that was kept has none.")
    if update == 0:
        return _("No policy was better, so the starting policy itself was kept; it has none.")
    return _("The policy that was kept (update %(step)d) has none.") % {"step": update}


def badge_of_run(run: TrainingRun, *, was_raised: bool) -> Badge | None:
    if run.standing_alarms:
        return Badge(state="bad", text=_short(run.standing_alarms))
    return Badge(state="warn", text=_("alarm in training")) if was_raised else None


def badge_of_model(model: ModelVersion) -> Badge | None:
    alarms = model.standing_alarms
    return Badge(state="bad", text=_short(alarms)) if alarms else None


def _was_evaluated_after(run: TrainingRun, step: int) -> bool:
    return RunMetric.objects.filter(run=run, step__gt=step, values__has_key=EVALUATED).exists()


def _standing(standing: Collection[Alarm], raised: Collection[Alarm], sentence: str) -> Notice:
    step = max(alarm.step for alarm in standing)
    now = {(alarm.step, alarm.kind) for alarm in standing}
    earlier = [alarm for alarm in raised if (alarm.step, alarm.kind) not in now]
    return Notice(
        level="bad",
        title=_title(standing),
        sentence=sentence,
        key=f"bad-{step}-{len(standing)}-{len(raised)}",
        signs=_signs(standing),
        earlier=_signs(earlier),
    )


def _passed(raised: Collection[Alarm], sentence: str) -> Notice:
    return Notice(
        level="warn",
        title=_("An alarm stood during training"),
        sentence=sentence,
        key=f"warn-{max(alarm.step for alarm in raised)}-{len(raised)}",
        earlier=_signs(raised),
    )


def _title(alarms: Collection[Alarm]) -> str:
    if _is_drift_only(alarms):
        return _("The policy drifted past the KL limit")
    return _("Reward hacking suspected")


def _short(alarms: Collection[Alarm]) -> str:
    return _("past the KL limit") if _is_drift_only(alarms) else _("hacking suspected")


def _is_drift_only(alarms: Iterable[Alarm]) -> bool:
    """A policy far from its start has more room to cheat, but nothing shows yet that it does."""
    return all(alarm.kind == "kl" for alarm in alarms)


def _signs(alarms: Iterable[Alarm]) -> list[Sign]:
    """One a kind: what was said last, and when it was said."""
    kinds: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        kinds.setdefault(alarm.kind, []).append(alarm)
    return [
        Sign(
            title=str(KINDS.get(kind, kind)),
            reason=max(told, key=lambda alarm: alarm.step).reason,
            hint=max(told, key=lambda alarm: alarm.step).hint,
            steps=_named_steps(sorted(alarm.step for alarm in told)),
        )
        for kind, told in kinds.items()
    ]


def _named_steps(steps: list[int]) -> str:
    shown = ", ".join(str(step) for step in steps[-STEPS_NAMED:])
    named = f"… {shown}" if len(steps) > STEPS_NAMED else shown
    return ngettext("update %(steps)s", "updates %(steps)s", len(steps)) % {"steps": named}
