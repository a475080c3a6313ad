"""The page that lays runs over one another: charts, final figures, settings."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from training.access import several_runs
from training.comparing import compared, uids_of


@member_page(Role.REVIEWER)
@require_safe
def runs_compare(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, {"run"})
    runs = several_runs(membership=request.membership, uids=uids_of(request.GET.getlist("run")))
    return render(request, "training/runs_compare.html", {"comparison": compared(runs)})
