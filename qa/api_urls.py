"""API routes of qa under /api/v1/."""

from django.urls import path

from qa import api

urlpatterns = [
    path("projects/<uuid:uid>/quality/", api.project_quality, name="api-project-quality"),
    path("projects/<uuid:uid>/gold/", api.project_gold, name="api-project-gold"),
    path("projects/<uuid:uid>/reviews/", api.project_reviews, name="api-project-reviews"),
    path("projects/<uuid:uid>/release/", api.project_release, name="api-project-release"),
    path("people/<uuid:uid>/resume/", api.person_resume, name="api-person-resume"),
    path("reviews/<uuid:uid>/", api.review, name="api-review"),
    path("reviews/<uuid:uid>/decide/", api.review_decide, name="api-review-decide"),
]
