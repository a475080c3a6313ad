"""Pages of qa under /w/<workspace>/."""

from django.urls import path

from qa import gold_views, review_views, views

PEOPLE = "projects/<uuid:uid>/people/<uuid:person>/"

urlpatterns = [
    path("quality/", views.quality, name="quality"),
    path("projects/<uuid:uid>/freeze/", views.project_freeze, name="project-freeze"),
    path("projects/<uuid:uid>/quality/", views.project_quality, name="project-quality"),
    path("projects/<uuid:uid>/measure/", views.measure, name="project-measure"),
    path("projects/<uuid:uid>/gold/", gold_views.project_gold, name="project-gold"),
    path("projects/<uuid:uid>/gold/<uuid:task>/retire/", gold_views.retire, name="gold-retire"),
    path("projects/<uuid:uid>/reviews/", review_views.review_queue, name="reviews"),
    path("projects/<uuid:uid>/reviews/accept-rest/", review_views.accept_rest, name="reviews-accept-rest"),
    path(f"{PEOPLE}resume/", views.resume_person, name="person-resume"),
    path(f"{PEOPLE}reject/", views.reject_person, name="person-reject"),
    path("reviews/<uuid:uid>/", review_views.review, name="review"),
    path("reviews/<uuid:uid>/decide/", review_views.review_decide, name="review-decide"),
]
