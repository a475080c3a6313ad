"""Addresses outside of any workspace."""

from django.urls import path

from accounts.views import entrance, invitation

urlpatterns = [
    path("", entrance.home, name="home"),
    path("login/", entrance.login, name="login"),
    path("logout/", entrance.logout, name="logout"),
    path("invite/<str:secret>/", invitation.accept_invitation, name="accept-invitation"),
]
