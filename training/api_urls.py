"""API routes of training under /api/v1/."""

from django.urls import path

from training import api

urlpatterns = [
    path("runs/", api.runs, name="api-runs"),
    path("runs/<uuid:uid>/", api.run, name="api-run"),
    path("runs/<uuid:uid>/cancel/", api.run_cancel, name="api-run-cancel"),
    path("runs/<uuid:uid>/metrics/", api.run_metrics, name="api-run-metrics"),
    path("models/", api.models, name="api-models"),
    path("models/<uuid:uid>/", api.model, name="api-model"),
]
