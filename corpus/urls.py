"""Pages of corpus under /w/<workspace>/."""

from django.urls import path

from corpus import views

urlpatterns = [
    path("datasets/", views.datasets, name="datasets"),
    path("datasets/<uuid:uid>/", views.dataset_version, name="dataset-version"),
]
