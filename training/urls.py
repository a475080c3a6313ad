"""Pages of training under /w/<workspace>/."""

from django.urls import path

from training import model_pages, run_pages

urlpatterns = [
    path("runs/", run_pages.runs, name="runs"),
    path("runs/new/<slug:stage>/", run_pages.run_new, name="run-new"),
    path("runs/<uuid:uid>/", run_pages.run, name="run"),
    path("runs/<uuid:uid>/metrics/", run_pages.run_metrics, name="run-metrics"),
    path("runs/<uuid:uid>/cancel/", run_pages.run_cancel, name="run-cancel"),
    path("models/", model_pages.models, name="models"),
    path("models/<uuid:uid>/", model_pages.model, name="model"),
]
