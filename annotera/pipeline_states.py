"""Where the stages of the pipeline stand that train nothing, from the facts of a workspace."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role
from annotera.pipeline_facts import Facts
from annotera.pipeline_steps import Count, Standing, State, Step, about, counts
from annotera.pipeline_training import LANGUAGE_MODELS
from core.counting import number
from corpus.models import CleaningRun


def collect(facts: Facts) -> Standing:
    sources, documents = facts.count("sources"), facts.count("kept") + facts.count("removed")
    found = counts(
        (sources, ngettext("source", "sources", sources)),
        (documents, ngettext("document", "documents", documents)),
    )
    if facts.source is None:
        step = Step(_("Describe the first source"), "source-new", role=Role.ADMIN)
        return Standing(State.READY, found, step)
    if facts.count("uploads_at_work"):
        return Standing(State.RUNNING, found, Step(_("A file is being read"), "sources"))
    if not documents:
        return Standing(State.READY, found, about(_("Upload documents"), "source", facts.source))
    return Standing(State.DONE, found, Step(_("Add documents or a source"), "sources"))


def clean(facts: Facts) -> Standing:
    kept, removed = facts.count("kept"), facts.count("removed")
    cleanings = facts.count("cleanings")
    found = counts(
        (kept, _("kept")), (removed, _("removed")), (cleanings, ngettext("cleaning", "cleanings", cleanings))
    )
    if not kept + removed:
        return Standing(State.EMPTY, found, Step(_("Collect documents first"), "sources"))
    run = facts.cleaning
    if run is not None:
        waits = run.state == CleaningRun.State.PREVIEW
        text = _("Look at the preview") if waits else _("A cleaning is under way")
        step = Step(text, "cleaning", arguments=(run.uid,), name=run.source.name)
        return Standing(State.ATTENTION if waits else State.RUNNING, found, step)
    if facts.source_to_clean is not None:
        step = about(_("Preview the cleaning"), "source", facts.source_to_clean)
        return Standing(State.READY, found, step)
    return Standing(State.DONE, found, Step(_("Freeze what was kept"), "sources"))


def annotate(facts: Facts) -> Standing:
    projects, tasks, answers = facts.count("projects"), facts.tasks, facts.submitted
    found = counts(
        (projects, ngettext("project", "projects", projects)),
        (tasks, ngettext("task", "tasks", tasks)),
        (answers, ngettext("answer", "answers", answers)),
    )
    if facts.project is None:
        return Standing(State.READY, found, Step(_("Open a project"), "project-new", role=Role.ADMIN))
    if facts.project_with_work is not None:
        missing = facts.answers_wanted
        text = ngettext("%(n)s answer is wanted", "%(n)s answers are wanted", missing) % {
            "n": number(missing)
        }
        return Standing(State.RUNNING, found, about(text, "project", facts.project_with_work))
    if facts.project_without_tasks is not None:
        step = about(_("Import tasks"), "project-import", facts.project_without_tasks, role=Role.ADMIN)
        return Standing(State.READY, found, step)
    return Standing(State.DONE, found, Step(_("Every task is answered: check the work"), "quality"))


def check_quality(facts: Facts) -> Standing:
    accepted, waiting = facts.count("accepted"), facts.open_reviews
    found = counts((accepted, _("accepted")), (waiting, _("to review")))
    if facts.report is not None:
        found.append(Count(label=_("alpha"), value=alpha_of(facts.report.report)))
    if not facts.submitted and not accepted:
        return Standing(State.EMPTY, found, Step(_("Answers come first"), "projects"))
    if facts.paused is not None:
        step = about(_("A person was paused by gold tasks"), "project-quality", facts.paused.project)
        return Standing(State.ATTENTION, found, step)
    if facts.project_to_review is not None:
        text = ngettext("Review %(n)s answer", "Review %(n)s answers", waiting) % {"n": number(waiting)}
        return Standing(State.ATTENTION, found, about(text, "reviews", facts.project_to_review))
    if facts.count("unchecked"):
        return Standing(State.RUNNING, found, Step(_("New answers are being checked"), "quality"))
    if facts.report is None:
        return Standing(State.READY, found, Step(_("Measure the agreement"), "quality"))
    return Standing(State.DONE, found, Step(_("Release accepted work"), "quality"))


def alpha_of(report: Mapping[str, Any]) -> str:
    """Krippendorff's alpha over all work; a dash where it is not defined."""
    try:
        return f"{report['agreement']['all']['alpha']:.2f}"
    except (KeyError, TypeError, ValueError):
        return "–"


def version(facts: Facts) -> Standing:
    data = sum(group.count for group in facts.versions.values())
    models = sum(group.count for group in facts.models.values())
    tags = facts.count("tags")
    found = counts(
        (data, ngettext("dataset version", "dataset versions", data)),
        (models, ngettext("model version", "model versions", models)),
        (tags, ngettext("tag", "tags", tags)),
    )
    if not data:
        return Standing(State.EMPTY, found, Step(_("Freeze documents or answers first"), "datasets"))
    return Standing(State.DONE, found, Step(_("Compare and tag versions"), "datasets"))


def serve(facts: Facts) -> Standing:
    deployments, outputs = facts.count("deployments"), facts.count("outputs")
    found = counts(
        (deployments, ngettext("deployment", "deployments", deployments)),
        (outputs, ngettext("output", "outputs", outputs)),
        (facts.count("feedback"), _("feedback")),
        (facts.count("harvested"), _("sent back")),
    )
    model = facts.model(*LANGUAGE_MODELS)
    if model is None:
        return Standing(State.EMPTY, found, Step(_("Train a language model first"), "models"))
    deployment = facts.deployment
    if deployment is None:
        return Standing(State.READY, found, Step(_("Deploy a model"), "deployments", role=Role.ADMIN))
    if deployment.failure:
        return Standing(
            State.ATTENTION, found, about(_("See why it cannot answer"), "deployment", deployment)
        )
    if deployment.ready_at is None:
        return Standing(State.RUNNING, found, about(_("The model is being loaded"), "deployment", deployment))
    if complaints := facts.count("complaints"):
        text = ngettext(
            "Send %(n)s output back to annotators", "Send %(n)s outputs back to annotators", complaints
        )
        step = about(text % {"n": number(complaints)}, "deployment", deployment)
        return Standing(State.ATTENTION, found, step)
    if not facts.count("outputs"):
        return Standing(State.READY, found, about(_("Ask it something"), "deployment", deployment))
    return Standing(State.DONE, found, about(_("See outputs and feedback"), "deployment", deployment))


def trace(facts: Facts) -> Standing:
    edges, rules, firings = facts.count("edges"), facts.count("rules"), facts.count("firings")
    erasures = facts.count("erasures")
    found = counts(
        (edges, ngettext("known parent", "known parents", edges)),
        (rules, ngettext("rule", "rules", rules)),
        (firings, ngettext("time acted", "times acted", firings)),
        (erasures, ngettext("erasure", "erasures", erasures)),
    )
    if facts.rule_with_problem is not None:
        rule = facts.rule_with_problem
        step = Step(_("A rule could not act"), "rules", name=rule.project.name)
        return Standing(State.ATTENTION, found, step)
    if facts.count("erasures_failed"):
        step = Step(_("An erasure failed: run it again"), "erasures", role=Role.ADMIN)
        return Standing(State.ATTENTION, found, step)
    if facts.count("erasures_at_work"):
        return Standing(State.RUNNING, found, Step(_("An erasure is under way"), "erasures", role=Role.ADMIN))
    if facts.count("rules"):
        return Standing(State.DONE, found, Step(_("See what the rules did"), "rules"))
    if facts.model(*LANGUAGE_MODELS) is None or not facts.count("projects"):
        return Standing(State.EMPTY, found, Step(_("Rules need a project and a model"), "rules"))
    step = Step(_("Let a rule train reward models"), "rules", role=Role.ADMIN)
    return Standing(State.READY, found, step)
