"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularJSONAPIView

from annotera import api_reference, health, pages

workspace_pages: list[URLPattern | URLResolver] = [
    path("", pages.workspace_home, name="workspace-home"),
    path("reference/", api_reference.reference, name="reference"),
    path("", include("accounts.urls")),
    path("", include("jobs.urls")),
    path("", include("corpus.urls")),
    path("", include("annotation.urls")),
    path("", include("qa.urls")),
    path("", include("training.urls")),
    path("", include("production.urls")),
]

api: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularJSONAPIView.as_view(), name="api-schema"),
    path("", include("accounts.api_urls")),
    path("", include("jobs.api_urls")),
    path("", include("corpus.api_urls")),
    path("", include("annotation.api_urls")),
    path("", include("qa.api_urls")),
    path("", include("training.api_urls")),
    path("", include("production.api_urls")),
]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("accounts.entrance_urls")),
    path("w/<slug:workspace>/", include(workspace_pages)),
    path("api/v1/", include(api)),
]

handler400 = "core.rendering.unreadable"
handler403 = "core.rendering.denied"
handler404 = "core.rendering.not_found"
handler500 = "core.rendering.server_error"
