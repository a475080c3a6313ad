"""Projects, tasks, assignments and annotations: what people are asked and what they answered.

The tables that grow with the work name their own indexes and no others (`db_index=False`): every index more
slows the import and the submit, and gives the planner one more wrong way before it has statistics.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Workspace
from core.ids import uuid7


class Project(models.Model):
    class Kind(models.TextChoices):
        RANKING = "ranking", _("ranking")
        DEMONSTRATION = "demonstration", _("instruction writing")
        CLASSIFICATION = "classification", _("classification")

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        CLOSED = "closed", _("closed")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.RANKING)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    description = models.CharField(max_length=500, blank=True)
    content_warning = models.CharField(max_length=300, blank=True)
    overlap = models.PositiveSmallIntegerField(default=1, help_text="Annotations wanted per task.")
    lease_seconds = models.PositiveIntegerField(default=900)
    allow_ties = models.BooleanField(default=True)
    allow_all_bad = models.BooleanField(default=True)
    aspects = ArrayField(
        models.CharField(max_length=40), default=list, help_text="Rated 1 to 5 per candidate."
    )
    require_rationale = models.BooleanField(default=False)
    labels = ArrayField(models.CharField(max_length=60), default=list, help_text="For classification.")
    allow_several_labels = models.BooleanField(default=False)
    gold_every = models.PositiveSmallIntegerField(
        default=0, help_text="About every so many tasks a person gets a hidden gold task; 0: never."
    )
    lawful_basis = models.CharField(max_length=60, blank=True)
    licence = models.CharField(
        max_length=120, blank=True, help_text="SPDX expression of the collected answers."
    )
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="project_name_unique"),
            models.CheckConstraint(
                condition=Q(overlap__gte=1, overlap__lte=50), name="project_overlap_range"
            ),
            models.CheckConstraint(condition=Q(lease_seconds__gte=1), name="project_lease_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class Guideline(models.Model):
    """A published version of the instructions; never changed, only followed by the next number."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField()
    published_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="guideline_once")]


class TaskImport(models.Model):
    """One batch of tasks that came in together; an upload waits here for its preview to be confirmed."""

    class State(models.TextChoices):
        PREVIEW = "preview", _("waiting for confirmation")
        QUEUED = "queued", _("being imported")
        DONE = "done", _("imported")
        FAILED = "failed", _("failed")
        DISCARDED = "discarded", _("discarded")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="imports")
    state = models.CharField(max_length=10, choices=State.choices)
    file_name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Blob of the uploaded file.")
    rows = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, help_text="line, reason; the first hundred.")
    problem_count = models.PositiveIntegerField(default=0)
    preview = models.JSONField(default=list)
    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, null=True, blank=True)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class Task(models.Model):
    """What the queue reads: small and narrow. The texts are in TaskBody.

    `queue_key` orders the hand-out and only grows; `open_slots` is overlap less leased and submitted ones.
    """

    class Purpose(models.TextChoices):
        WORK = "work", _("work")
        GOLD = "gold", _("gold")
        REPEAT = "repeat", _("repeat")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="tasks", db_index=False)
    imported_in = models.ForeignKey(
        TaskImport, on_delete=models.PROTECT, null=True, blank=True, db_index=False
    )
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.WORK)
    queue_key = models.BigIntegerField(db_default=Func(Value("annotation_queue_key"), function="nextval"))
    overlap = models.PositiveSmallIntegerField()
    open_slots = models.SmallIntegerField()
    external_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(open_slots__gte=0), name="task_slots_not_negative"),
            models.CheckConstraint(
                condition=Q(open_slots__lte=F("overlap")), name="task_slots_within_overlap"
            ),
            models.UniqueConstraint(
                fields=["project", "external_id"], name="task_external_once", condition=~Q(external_id="")
            ),
        ]
        indexes = [
            models.Index(fields=["project", "queue_key"], name="task_queue", condition=Q(open_slots__gt=0)),
            models.Index(fields=["project", "id"], name="task_by_project"),
            models.Index(fields=["project", "id"], name="task_gold", condition=Q(purpose="gold")),
        ]


class TaskBody(models.Model):
    """The texts of a task: read only when the task is shown or exported.

    prompt: {"schema": 1, "lang": "en",
             "messages": [{"role": "user", "parts": [{"type": "text", "text": "..."}]}]}
    candidates: {"<candidate uid>": {"role": "assistant", "parts": [...], "lang": ""}}
    """

    task = models.OneToOneField(Task, on_delete=models.CASCADE, primary_key=True, related_name="body")
    prompt = models.JSONField()
    candidates = models.JSONField()
    subject_key = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["subject_key"], name="task_by_subject", condition=Q(subject_key__isnull=False)
            )
        ]


class Candidate(models.Model):
    """One answer to rank. `source` (which model, with which parameters) never reaches an annotator."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="candidates", db_index=False)
    position = models.PositiveSmallIntegerField()
    source = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "position"], name="candidate_position_once"),
            models.CheckConstraint(condition=Q(position__lte=8), name="candidate_at_most_nine"),
        ]


class Standing(models.Model):
    """A person's place in a project: the queue cursor, and a pause that a reviewer looks at."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, db_index=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="standings", db_index=False)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="standings")
    cursor = models.BigIntegerField(default=0)
    submitted_count = models.PositiveIntegerField(default=0)
    gold_count = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How many of the submitted were gold: no progress of the work."
    )
    gold_due = models.PositiveIntegerField(
        null=True, blank=True, help_text="The next gold task comes when so many are submitted."
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    warned_at = models.DateTimeField(
        null=True, blank=True, help_text="When the content warning was accepted."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "membership"], name="standing_once")]


class Assignment(models.Model):
    """A task in one person's hands: the lease, the order shown, and the draft."""

    class State(models.TextChoices):
        LEASED = "leased", _("open")
        SUBMITTED = "submitted", _("submitted")
        SKIPPED = "skipped", _("skipped")
        EXPIRED = "expired", _("expired")
        RETURNED = "returned", _("sent back")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, db_index=False)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="assignments", db_index=False)
    membership = models.ForeignKey(
        Membership, on_delete=models.PROTECT, related_name="assignments", db_index=False
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.LEASED)
    shown_order = ArrayField(models.UUIDField(), help_text="Candidate uids as the person saw them.")
    lease_until = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    draft = models.JSONField(null=True, blank=True)
    draft_version = models.PositiveIntegerField(default=0)
    draft_saved_at = models.DateTimeField(null=True, blank=True)
    skip_reason = models.CharField(max_length=300, blank=True)
    return_note = models.CharField(
        max_length=1000, blank=True, db_default="", help_text="What a reviewer asked to mend."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "membership"], name="assignment_once"),
            models.CheckConstraint(
                condition=Q(state="leased", lease_until__isnull=False)
                | (~Q(state="leased") & Q(lease_until__isnull=True)),
                name="assignment_lease_while_leased",
            ),
            models.UniqueConstraint(
                fields=["project", "membership"], name="assignment_one_open", condition=Q(state="leased")
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "lease_until"], name="assignment_leases", condition=Q(state="leased")
            ),
            models.Index(fields=["membership", "project", "-id"], name="assignment_by_person"),
            models.Index(
                fields=["membership", "id"], name="assignment_returned", condition=Q(state="returned")
            ),
        ]


class Annotation(models.Model):
    """An answer. A correction is a new row with the next revision; `is_current` marks the last one.

    The answer's shape is its kind's (annotation/kinds/). Of ranking:
    answer: {"schema": 1, "shown_order": [uid], "ranking": [[uid], [uid, uid]], "unranked": [uid],
             "all_bad": false, "strength": null, "aspects": {uid: {"quality": 4}}, "flags": [...],
             "rewrite": {"of": uid or null, "text": "..."} or null, "rationale": ""}
    """

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="annotations", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="annotations")
    assignment = models.ForeignKey(
        Assignment, on_delete=models.PROTECT, related_name="annotations", db_index=False
    )
    membership = models.ForeignKey(
        Membership, on_delete=models.PROTECT, related_name="annotations", db_index=False
    )
    guideline = models.ForeignKey(Guideline, on_delete=models.PROTECT, null=True, blank=True, db_index=False)
    revision = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    answer = models.JSONField()
    active_ms = models.PositiveIntegerField(default=0)
    wall_ms = models.PositiveBigIntegerField(default=0)
    is_simulated = models.BooleanField(default=False)
    subject_key = models.CharField(max_length=64, null=True, blank=True)
    submitted_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="NULL: still in the inbox of qa.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="annotation_revision_once"),
            models.UniqueConstraint(
                fields=["task", "membership"], name="annotation_one_current", condition=Q(is_current=True)
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="annotation_inbox", condition=Q(checked_at__isnull=True)),
            models.Index(fields=["project", "id"], name="annotation_by_project"),
            models.Index(fields=["membership", "-id"], name="annotation_by_person"),
            models.Index(
                fields=["workspace", "subject_key"],
                name="annotation_by_subject",
                condition=Q(subject_key__isnull=False),
            ),
        ]


class WorkEvent(models.Model):
    """Working time on the server's clock; rows are only added and each person can read their own."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        SUBMITTED = "submitted", _("submitted")
        SKIPPED = "skipped", _("skipped")
        EXPIRED = "expired", _("expired")

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, db_index=False)
    membership = models.ForeignKey(
        Membership, on_delete=models.PROTECT, related_name="work_events", db_index=False
    )
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["membership", "-id"], name="work_by_person")]
