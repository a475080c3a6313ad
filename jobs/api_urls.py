"""Addresses under /api/v1/."""

from django.urls import path

from jobs import api

urlpatterns = [
    path("jobs/", api.jobs, name="api-jobs"),
    path("jobs/<uuid:uid>/", api.job, name="api-job"),
    path("jobs/<uuid:uid>/cancel/", api.cancel_job, name="api-job-cancel"),
    path("jobs/<uuid:uid>/log/", api.log, name="api-job-log"),
]
