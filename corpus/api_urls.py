"""API routes of corpus under /api/v1/."""

from django.urls import path

from corpus import api

urlpatterns = [
    path("dataset-versions/", api.dataset_versions, name="api-dataset-versions"),
    path("dataset-versions/<uuid:uid>/", api.dataset_version, name="api-dataset-version"),
    path("dataset-versions/<uuid:uid>/rows/", api.dataset_rows, name="api-dataset-version-rows"),
]
