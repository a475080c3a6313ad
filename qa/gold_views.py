"""The gold page of a project: what is gold, how people met it, and two ways to make more."""

import uuid
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from annotation.access import project_for
from annotation.imports import BYTES_AT_ONCE
from annotation.intake import open_lines
from annotation.kinds import kind_of
from annotation.kinds.answers import AnswerInvalid
from annotation.models import Project, Task
from core.errors import Conflict, DomainError, Invalid
from core.forms import add_refusal
from qa import gold
from qa.access import gold_for, task_of
from qa.comparing import COMPARABLE
from qa.gold_answers import check_kind
from qa.gold_files import read_gold_lines
from qa.gold_page import gold_context
from qa.review_page import gold_form


class GoldFileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Gold file"),
        allow_empty_file=True,
        help_text=gettext_lazy("JSON lines: a task a line, with its right answer as “gold”."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Role.REVIEWER)
def project_gold(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    if request.method != "POST":
        return _page(request, project, GoldFileForm(), chosen=_chosen(request, project), status=200)
    if "task" in request.POST:
        return _mark(request, project)
    return _upload(request, project)


def _upload(request: WorkspaceRequest, project: Project) -> HttpResponse:
    form = GoldFileForm(request.POST, request.FILES)
    status = 422
    if form.is_valid():
        try:
            lines = open_lines(form.cleaned_data["file"], maximum_bytes=BYTES_AT_ONCE)
            made = gold.import_gold(project=project, records=read_gold_lines(lines), by=request.membership)
        except DomainError as refusal:
            add_refusal(form, _listed(refusal))
            status = refusal.status
        else:
            messages.success(request, _("%(count)d gold tasks are hidden.") % {"count": len(made)})
            return redirect("project-gold", request.membership.workspace.slug, project.uid)
    return _page(request, project, form, chosen=None, status=status)


def _listed(refusal: DomainError) -> DomainError:
    """The first lines that are wrong belong into the message: the form has no field for them."""
    reasons = [f"{name}: {reason}" for name, reason in list(refusal.fields.items())[:5]]
    return Invalid(
        " ".join([refusal.message, *reasons]), fields={"file": " ".join([refusal.message, *reasons])}
    )


def _mark(request: WorkspaceRequest, project: Project) -> HttpResponse:
    task = task_of(project=project, uid=_uid(request.POST.get("task", "")))
    try:
        check_kind(project)
        answer = _right_answer(project, task, dict(request.POST.lists()))
        explanation = request.POST.get("explanation", "")
        gold.make_gold(task=task, accepted=[answer], by=request.membership, explanation=explanation)
    except (AnswerInvalid, Invalid) as refusal:
        errors = [_(sentence) for sentence in refusal.fields.values()]
        return _page(request, project, GoldFileForm(), chosen=task, errors=errors, status=422)
    except Conflict as refusal:
        errors = [refusal.message]
        return _page(request, project, GoldFileForm(), chosen=task, errors=errors, status=refusal.status)
    messages.success(request, _("The task is gold now: everybody meets it once, without knowing."))
    return redirect("project-gold", request.membership.workspace.slug, project.uid)


def _right_answer(project: Project, task: Task, typed: dict[str, list[str]]) -> dict[str, Any]:
    rules = gold_form(project, task.body, candidates_of(task))["rules"]
    rules = replace(rules, allow_ties=True, allow_all_bad=False, require_rationale=False)
    answer = kind_of(project.kind).parse_form(typed, rules=rules).as_json()
    return (
        {"ranking": answer["ranking"]}
        if project.kind == Project.Kind.RANKING
        else {"labels": answer["labels"]}
    )


def candidates_of(task: Task) -> list[str]:
    return [str(uid) for uid in task.candidates.order_by("position").values_list("uid", flat=True)]


def _uid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Invalid(_("There is no such task."), fields={"task": _("unknown")}) from error


def _chosen(request: WorkspaceRequest, project: Project) -> Task | None:
    text = request.GET.get("task", "")
    return task_of(project=project, uid=_uid(text)) if text else None


def _page(
    request: WorkspaceRequest,
    project: Project,
    form: GoldFileForm,
    *,
    chosen: Task | None,
    status: int,
    errors: list[str] | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        **gold_context(project),
        "form": form,
        "may_have_gold": project.kind in COMPARABLE,
        "chosen": chosen,
        "errors": errors or [],
    }
    if chosen:
        typed = dict(request.POST.lists())
        context |= gold_form(project, chosen.body, candidates_of(chosen), typed=typed)
    return render(request, "qa/gold.html", context, status=status)


@require_POST
@member_page(Role.REVIEWER)
def retire(request: WorkspaceRequest, uid: uuid.UUID, task: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    gold.retire_gold(gold=gold_for(project=project, task=task), by=request.membership)
    messages.success(request, _("The gold task is retired."))
    return redirect("project-gold", request.membership.workspace.slug, project.uid)
