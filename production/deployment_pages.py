"""Pages of deployments: the list with its form, one deployment with what it wrote, asking it, retiring it."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page, require_role
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import DomainError, NotFound, Unreadable
from core.forms import add_refusal
from core.ids import uuid7
from core.pagination import newest_first
from core.requests import is_htmx
from production.access import deployment_for, deployments_of, outputs_of
from production.deployments import deploy, retire
from production.forms import AskForm, DeployForm, HarvestForm, state_of
from production.generation import generate
from production.harvest_requests import request_harvest
from production.models import Deployment, Output
from production.showing import OutputRow, deployment_rows, output_row, with_counts
from production.traffic import SHOWN, traffic_of, waiting

OUTPUTS_SHOWN = 10
# A model that is not ready by then is not merely being loaded.
LONGEST_START = timedelta(minutes=2)


@member_page(Role.REVIEWER)
@require_http_methods(["GET", "HEAD", "POST"])
def deployments(request: WorkspaceRequest) -> HttpResponse:
    if request.method == "POST":
        return _deploy(request)
    refuse_unknown_parameters(request, {"before", "model"})
    form = DeployForm(membership=request.membership, initial={"model": request.GET.get("model", "")})
    return _list_page(request, form, status=200)


def _deploy(request: WorkspaceRequest) -> HttpResponse:
    require_role(request.membership, Role.ADMIN)
    form = DeployForm(request.POST, membership=request.membership)
    if not form.is_valid():
        return _list_page(request, form, status=422)
    workspace = request.membership.workspace
    chosen = form.cleaned_data
    try:
        deployment = deploy(
            workspace=workspace,
            by=request.membership,
            model=form.models[chosen["model"]],
            name=chosen["name"],
        )
    except DomainError as refusal:
        add_refusal(form, refusal)
        return _list_page(request, form, status=refusal.status)
    messages.success(request, _("The model is being loaded; it answers in a few seconds."))
    return redirect("deployment", workspace.slug, deployment.uid)


def _list_page(request: WorkspaceRequest, form: DeployForm, *, status: int) -> HttpResponse:
    page = newest_first(deployments_of(request.membership), before=request.GET.get("before", ""))
    context = {"page": page, "rows": deployment_rows(page.rows), "form": form}
    return render(request, "production/deployments.html", context, status=status)


@member_page(Role.REVIEWER)
@require_safe
def deployment(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = deployment_for(membership=request.membership, uid=uid)
    refuse_unknown_parameters(request, {"before", "show", "asked"})
    if is_htmx(request):
        return render(request, "production/deployment.html#state", _state(found))
    return _page(request, found)


def _state(found: Deployment) -> dict[str, Any]:
    state, word = state_of(found)
    is_late = timezone.now() - found.created_at > LONGEST_START
    return {"deployment": found, "state": state, "word": word, "is_late": is_late}


def _page(request: WorkspaceRequest, found: Deployment, *, status: int = 200, **forms: Any) -> HttpResponse:
    show = request.GET.get("show", "")
    if show not in SHOWN:
        raise Unreadable(_("There is no such choice of outputs."), fields={"show": _("unknown")})
    outputs = with_counts(outputs_of(request.membership).filter(deployment=found))
    page = newest_first(SHOWN[show][1](outputs), before=request.GET.get("before", ""), size=OUTPUTS_SHOWN)
    asked = _asked(request, outputs)
    context = {
        **_state(found),
        "traffic": traffic_of(found),
        "waiting": waiting(found) if request.membership.is_admin else 0,
        "show": show,
        "shown": [(name, label) for name, (label, _choice) in SHOWN.items()],
        "asked": asked,
        "totals": deployment_rows([found])[0],
        "page": page,
        "rows": [output_row(output) for output in page.rows],
        "is_active": found.state == Deployment.State.ACTIVE,
        "ask_form": AskForm(initial=_asked_before(asked)),
        "harvest_form": HarvestForm(membership=request.membership) if request.membership.is_admin else None,
        # A form that is sent twice is one piece of feedback.
        "once": uuid7(),
    } | forms
    return render(request, "production/deployment.html", context, status=status)


def _asked(request: WorkspaceRequest, outputs: QuerySet[Output]) -> OutputRow | None:
    """What the model wrote when this person asked just now, as the address names it."""
    text = request.GET.get("asked", "")
    if not text:
        return None
    try:
        output = outputs.filter(uid=uuid.UUID(text)).first()
    except ValueError as error:
        raise Unreadable(_("There is no such output."), fields={"asked": _("unreadable")}) from error
    if output is None:
        raise NotFound(_("There is no such output in this workspace."))
    return output_row(output)


def _asked_before(row: OutputRow | None) -> dict[str, Any]:
    """The same question again, as it was asked; nothing of it where it was erased."""
    if row is None or not row.output.prompt:
        return {}
    kept = {name: row.output.settings.get(name) for name in ("max_new_tokens", "temperature")}
    return {"prompt": row.output.prompt[-1]["content"]} | {
        name: value for name, value in kept.items() if value
    }


@member_page(Role.REVIEWER)
@require_POST
def deployment_generate(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = deployment_for(membership=request.membership, uid=uid)
    form = AskForm(request.POST)
    if not form.is_valid():
        return _page(request, found, ask_form=form, status=422)
    asked = form.cleaned_data
    try:
        output = generate(
            deployment=found,
            by=request.membership,
            messages=[{"role": "user", "content": asked["prompt"].replace("\r\n", "\n")}],
            max_new_tokens=asked["max_new_tokens"],
            temperature=asked["temperature"],
        )
    except DomainError as refusal:
        # The prompt stays as it was typed: a model that is being loaded answers the next attempt.
        reasons = {
            "prompt" if name.startswith("messages") else name: why for name, why in refusal.fields.items()
        }
        refusal.fields = reasons
        add_refusal(form, refusal)
        answer = _page(request, found, ask_form=form, status=refusal.status)
        if hasattr(refusal, "retry_after"):
            answer["Retry-After"] = str(refusal.retry_after)
        return answer
    place = reverse("deployment", args=[request.membership.workspace.slug, found.uid])
    return redirect(f"{place}?asked={output.uid}#ask")


@member_page(Role.REVIEWER)
@require_POST
def deployment_retire(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = deployment_for(membership=request.membership, uid=uid)
    require_role(request.membership, Role.ADMIN)
    retire(deployment=found, by=request.membership)
    messages.success(request, _("It is retired and answers no more. Its outputs stay."))
    return redirect("deployment", request.membership.workspace.slug, uid)


@member_page(Role.REVIEWER)
@require_POST
def deployment_harvest(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = deployment_for(membership=request.membership, uid=uid)
    require_role(request.membership, Role.ADMIN)
    form = HarvestForm(request.POST, membership=request.membership)
    if not form.is_valid():
        return _page(request, found, harvest_form=form, status=422)
    job = request_harvest(
        project=form.chosen_project(),
        by=request.membership,
        deployment=found,
        floor=form.cleaned_data["floor"] / 100,
        limit=form.cleaned_data["limit"],
    )
    messages.success(request, _("Outputs are being chosen; this page tells how many became tasks."))
    return redirect("job", request.membership.workspace.slug, job.uid)
