"""Addresses under /w/<workspace>/."""

from django.urls import path

from jobs import views

urlpatterns = [
    path("jobs/", views.jobs, name="jobs"),
    path("jobs/<uuid:uid>/", views.job, name="job"),
    path("jobs/<uuid:uid>/cancel/", views.cancel_job, name="job-cancel"),
    path("jobs/<uuid:uid>/log/", views.log, name="job-log"),
]
