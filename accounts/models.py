"""People, workspaces, roles, tokens and the audit trail."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person. What a person may do hangs on memberships, never on the account itself."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("like the system")
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    time_zone = models.CharField(max_length=64, blank=True, help_text="Empty: the workspace's zone.")
    language = models.CharField(max_length=16, default="en")
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    single_key_shortcuts = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case")
        ]

    def __str__(self) -> str:
        return self.name or self.email


class Workspace(models.Model):
    """The wall between tenants: every row belongs to one workspace."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC")
    address_retention_days = models.PositiveSmallIntegerField(
        default=90, help_text="Network addresses in the audit are blanked after so many days."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    ANNOTATOR = "annotator", _("annotator")
    REVIEWER = "reviewer", _("reviewer")
    ADMIN = "admin", _("admin")


class Membership(models.Model):
    """A person's place in a workspace. `pseudonym` is the only name that frozen versions carry."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    pseudonym = models.CharField(max_length=32)
    is_active = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once"),
            models.UniqueConstraint(fields=["workspace", "pseudonym"], name="membership_pseudonym_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.pseudonym} ({self.role})"

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def may_review(self) -> bool:
        return self.role in {Role.ADMIN, Role.REVIEWER}


class RecordingConsent(models.Model):
    """A person's agreement to a version of the text that says what is recorded about the work."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="consents")
    version = models.PositiveSmallIntegerField()
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "version"], name="consent_once")]


class Invitation(models.Model):
    """An open invitation; only the hash of its secret is stored."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=12, choices=Role.choices)
    secret_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Membership, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    @property
    def is_open(self) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and self.expires_at > timezone.now()


class ApiToken(models.Model):
    """A key for scripts: one person in one workspace. Shown once, stored hashed, always expiring."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)

    def is_usable(self, *, at: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > at


class AuditEvent(models.Model):
    """What happened, who did it and under which request. Rows are only ever added."""

    class Kind(models.TextChoices):
        LOGIN = "login", _("logged in")
        LOGIN_FAILED = "login_failed", _("failed to log in")
        LOGOUT = "logout", _("logged out")
        PASSWORD_CHANGED = "password_changed", _("changed the password")
        ROLE_CHANGED = "role_changed", _("changed a role")
        MEMBER_INVITED = "member_invited", _("invited a person")
        MEMBER_JOINED = "member_joined", _("joined")
        MEMBER_REMOVED = "member_removed", _("removed a person")
        TOKEN_CREATED = "token_created", _("created a token")
        TOKEN_REVOKED = "token_revoked", _("revoked a token")
        IMPORTED = "imported", _("imported")
        EXPORTED = "exported", _("exported")
        FROZEN = "frozen", _("froze a dataset version")
        RELEASED = "released", _("released")
        REVIEWED = "reviewed", _("reviewed")
        RUN_STARTED = "run_started", _("started a run")
        RUN_CANCELLED = "run_cancelled", _("cancelled a run")
        PROMOTED = "promoted", _("promoted a model")
        ERASED = "erased", _("erased")
        PROJECT_CREATED = "project_created", _("created a project")
        PROJECT_CHANGED = "project_changed", _("changed a project")
        JOB_ENDED = "job_ended", _("ended a job")
        SOURCE_CREATED = "source_created", _("described a source")
        SOURCE_CHANGED = "source_changed", _("changed a source")
        CLEANED = "cleaned", _("cleaned documents")
        RESTORED = "restored", _("restored documents")
        GOLD_CHANGED = "gold_changed", _("changed a gold task")
        PERSON_PAUSED = "person_paused", _("paused a person's work")
        PERSON_RESUMED = "person_resumed", _("let a person work again")
        TAGGED = "tagged", _("tagged a version")
        DEPLOYED = "deployed", _("deployed a model")
        RETIRED = "retired", _("retired a deployment")
        HARVESTED = "harvested", _("sent outputs back to annotators")
        RULE_CHANGED = "rule_changed", _("changed a rule")
        RULE_FIRED = "rule_fired", _("a rule acted")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, blank=True)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    kind = models.CharField(max_length=24, choices=Kind.choices)
    object_kind = models.CharField(max_length=32, blank=True)
    object_uid = models.UUIDField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    subject = models.CharField(
        max_length=64, blank=True, help_text="Keyed hash of the e-mail tried at login."
    )
    address = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-id"], name="audit_by_workspace"),
            models.Index(
                fields=["subject", "created_at"],
                name="audit_failed_subject",
                condition=Q(kind="login_failed"),
            ),
            models.Index(
                fields=["address", "created_at"],
                name="audit_failed_address",
                condition=Q(kind="login_failed"),
            ),
        ]


class IdempotencyKey(models.Model):
    """The answer given to a write, so that a repeat gets the same answer and another body gets a 409."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT)
    key = models.CharField(max_length=128)
    route = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    response = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "key"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_by_age")]
