"""Pages of qa under /w/<workspace>/."""

from django.urls import path

from qa import views

urlpatterns = [
    path("projects/<uuid:uid>/freeze/", views.project_freeze, name="project-freeze"),
]
