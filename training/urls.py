"""Pages of training under /w/<workspace>/."""

from django.urls import path

from training import compare_pages, model_pages, run_pages, watch_pages

urlpatterns = [
    path("runs/", run_pages.runs, name="runs"),
    path("runs/new/<slug:stage>/", run_pages.run_new, name="run-new"),
    path("runs/compare/", compare_pages.runs_compare, name="runs-compare"),
    path("runs/<uuid:uid>/", watch_pages.run, name="run"),
    path("runs/<uuid:uid>/metrics/", watch_pages.run_metrics, name="run-metrics"),
    path("runs/<uuid:uid>/cancel/", run_pages.run_cancel, name="run-cancel"),
    path("models/", model_pages.models, name="models"),
    path("models/<uuid:uid>/", model_pages.model, name="model"),
]
