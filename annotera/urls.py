"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularJSONAPIView

from annotera import (
    api_reference,
    audit_pages,
    candidate_api,
    candidate_pages,
    erasure_api,
    erasure_pages,
    health,
    lineage_pages,
    pages,
    palette_pages,
    rule_pages,
    rules_api,
    styleguide_pages,
    work_pages,
)

workspace_pages: list[URLPattern | URLResolver] = [
    path("", pages.workspace_home, name="workspace-home"),
    path("pipeline/", pages.pipeline, name="pipeline"),
    path("audit/", audit_pages.audit, name="audit"),
    path("me/work/", work_pages.my_work, name="my-work"),
    path("rules/", rule_pages.rules, name="rules"),
    path("rules/<uuid:uid>/switch/", rule_pages.rule_switch, name="rule-switch"),
    path("erasures/", erasure_pages.erasures, name="erasures"),
    path("erasures/<uuid:uid>/", erasure_pages.erasure, name="erasure"),
    path("lineage/<str:kind>/<uuid:uid>/", lineage_pages.lineage, name="lineage"),
    path("search/", palette_pages.palette, name="palette"),
    path("styleguide/", styleguide_pages.styleguide, name="styleguide"),
    path("reference/", api_reference.reference, name="reference"),
    path("", include("accounts.urls")),
    path("", include("jobs.urls")),
    path("", include("corpus.urls")),
    path("", include("annotation.urls")),
    path("projects/<uuid:uid>/candidates/", candidate_pages.candidates, name="project-candidates"),
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
    path("projects/<uuid:uid>/candidates/", candidate_api.candidates, name="api-project-candidates"),
    path("", include("qa.api_urls")),
    path("", include("training.api_urls")),
    path("", include("production.api_urls")),
    path("reward-rules/", rules_api.reward_rules, name="api-reward-rules"),
    path("reward-rules/<uuid:uid>/", rules_api.reward_rule, name="api-reward-rule"),
    path("erasures/", erasure_api.erasures, name="api-erasures"),
    path("erasures/<uuid:uid>/", erasure_api.erasure, name="api-erasure"),
    path(
        "dataset-versions/<uuid:uid>/lineage/",
        lineage_pages.dataset_version_lineage,
        name="api-dataset-version-lineage",
    ),
    path("models/<uuid:uid>/lineage/", lineage_pages.model_lineage, name="api-model-lineage"),
]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("accounts.entrance_urls")),
    path("styleguide/", styleguide_pages.own_styleguide, name="own-styleguide"),
    path("w/<slug:workspace>/", include(workspace_pages)),
    path("api/v1/", include(api)),
]

handler400 = "core.rendering.unreadable"
handler403 = "core.rendering.denied"
handler404 = "core.rendering.not_found"
handler500 = "core.rendering.server_error"
