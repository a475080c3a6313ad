"""What a project asks for, as the kinds read it."""

from collections.abc import Iterable

from annotation.kinds import Kind, Rules, kind_of
from annotation.models import Assignment, Project


def kind_for(assignment: Assignment) -> Kind:
    return kind_of(assignment.project.kind)


def rules_for(assignment: Assignment) -> Rules:
    return rules_of(assignment.project, shown_order=assignment.shown_order)


def rules_of(project: Project, *, shown_order: Iterable[object] = ()) -> Rules:
    return Rules(
        shown_order=tuple(str(uid) for uid in shown_order),
        aspects=tuple(project.aspects),
        allow_ties=project.allow_ties,
        allow_all_bad=project.allow_all_bad,
        require_rationale=project.require_rationale,
        labels=tuple(project.labels),
        allow_several_labels=project.allow_several_labels,
    )
