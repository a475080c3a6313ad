"""API routes of annotation under /api/v1/."""

from django.urls import path

from annotation import api, work_api

urlpatterns = [
    path("projects/", api.projects, name="api-projects"),
    path("projects/<uuid:uid>/", api.project, name="api-project"),
    path("projects/<uuid:uid>/tasks/", api.tasks, name="api-project-tasks"),
    path("projects/<uuid:uid>/export/", api.export, name="api-project-export"),
    path("projects/<uuid:uid>/next/", work_api.next_task, name="api-project-next"),
    path("tasks/<uuid:uid>/", api.task, name="api-task"),
    path("assignments/<uuid:uid>/submit/", work_api.submit_answer, name="api-assignment-submit"),
    path("assignments/<uuid:uid>/draft/", work_api.draft, name="api-assignment-draft"),
    path("assignments/<uuid:uid>/skip/", work_api.skip_task, name="api-assignment-skip"),
]
