"""Addresses under /w/<workspace>/."""

from django.urls import path

from annotation.views import answering, comparing, drafts, imports, projects

urlpatterns = [
    path("projects/", projects.projects, name="projects"),
    path("projects/new/", projects.new, name="project-new"),
    path("projects/<uuid:uid>/", projects.project, name="project"),
    path("projects/<uuid:uid>/settings/", projects.settings, name="project-settings"),
    path("projects/<uuid:uid>/state/", projects.state, name="project-state"),
    path("projects/<uuid:uid>/guideline/", projects.guideline, name="project-guideline"),
    path("projects/<uuid:uid>/guideline/publish/", projects.publish, name="guideline-publish"),
    path("projects/<uuid:uid>/import/", imports.upload, name="project-import"),
    path("projects/<uuid:uid>/export/", imports.export, name="project-export"),
    path("projects/<uuid:uid>/next/", answering.next_task, name="project-next"),
    path("projects/<uuid:uid>/queue/", answering.queue, name="project-queue"),
    path("projects/<uuid:uid>/warning/", answering.accept, name="project-warning"),
    path("imports/<uuid:uid>/", imports.preview, name="import"),
    path("imports/<uuid:uid>/confirm/", imports.confirm_import, name="import-confirm"),
    path("imports/<uuid:uid>/discard/", imports.discard_import, name="import-discard"),
    path("assignments/<uuid:uid>/", answering.assignment, name="assignment"),
    path("assignments/<uuid:uid>/submit/", answering.submit_answer, name="assignment-submit"),
    path("assignments/<uuid:uid>/skip/", answering.skip_task, name="assignment-skip"),
    path("assignments/<uuid:uid>/reopen/", answering.reopen, name="assignment-reopen"),
    path("assignments/<uuid:uid>/draft/", drafts.draft, name="assignment-draft"),
    path("assignments/<uuid:uid>/extend/", drafts.heartbeat, name="assignment-extend"),
    path(
        "assignments/<uuid:uid>/compare/<uuid:one>/<uuid:other>/",
        comparing.comparison,
        name="assignment-compare",
    ),
]
