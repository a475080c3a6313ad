"""Addresses under /api/v1/."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("me/", api.me, name="api-me"),
    path("tokens/", api.tokens, name="api-tokens"),
    path("tokens/<uuid:uid>/", api.token, name="api-token"),
    path("members/", api.members, name="api-members"),
    path("audit/", api.audit, name="api-audit"),
]
