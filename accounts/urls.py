"""Addresses under /w/<workspace>/."""

from django.urls import path

from accounts.views import me, members, tokens

urlpatterns = [
    path("members/", members.members, name="members"),
    path("members/invite/", members.invite_member, name="member-invite"),
    path("members/<uuid:uid>/role/", members.change_member_role, name="member-role"),
    path("members/<uuid:uid>/deactivate/", members.deactivate_member, name="member-deactivate"),
    path("invitations/<uuid:uid>/withdraw/", members.withdraw_invitation, name="invitation-withdraw"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/new/", tokens.create_own_token, name="token-create"),
    path("tokens/<uuid:uid>/revoke/", tokens.revoke_own_token, name="token-revoke"),
    path("me/", me.me, name="me"),
    path("me/password/", me.change_own_password, name="me-password"),
    path("me/consent/", me.consent, name="consent"),
]
