"""API routes of production under /api/v1/."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from production import api

View = Callable[[HttpRequest], HttpResponseBase]


def also(view: View) -> View:
    """The same under a second address, which the OpenAPI document leaves out; the view checks its CSRF."""

    @csrf_exempt
    def answer(request: HttpRequest) -> HttpResponseBase:
        return view(request)

    return answer


urlpatterns = [
    path("deployments/", api.deployments, name="api-deployments"),
    path("deployments/<uuid:uid>/", api.deployment, name="api-deployment"),
    path("generate", api.generation, name="api-generate"),
    path("outputs/", api.outputs, name="api-outputs"),
    path("outputs/<uuid:uid>/", api.output, name="api-output"),
    path("feedback", api.feedback, name="api-feedback"),
    path("projects/<uuid:uid>/harvest/", api.harvest, name="api-project-harvest"),
    # Deployed programs write these two with a slash as well, and a POST cannot be redirected.
    path("generate/", also(api.generation), name="generate-with-slash"),
    path("feedback/", also(api.feedback), name="feedback-with-slash"),
]
