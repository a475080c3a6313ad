"""What is recorded about a person's work, in words, and who agreed to which version of them.

A change of what is recorded is a new version here: everybody is asked again.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, RecordingConsent

TEXTS: dict[int, tuple[str | Promise, ...]] = {
    1: (
        _("When you open a task and when you submit, skip or lose it, on the server's clock."),
        _("How long the page was active while you worked on a task, in milliseconds, added up per task."),
        _("Your answers with every revision, your drafts until you submit, your reasons for skipping."),
        _("In which order the candidates were shown to you."),
        _("Your logins with the network address, which is erased after the time set by the workspace."),
        _("What you change in the workspace: projects, imports, exports, runs, members, tokens."),
        _("Not recorded: keystrokes, pointer movements, pictures of your screen, other pages."),
        _("Reviewers and admins of this workspace see these records beside your name."),
        _("Frozen versions of the data carry a pseudonym instead of your name."),
        _("A computed figure alone never ends your work: at most it pauses it until a person has looked."),
    ),
    2: (
        _("When you open a task and when you submit, skip or lose it, on the server's clock."),
        _("How long the page was active while you worked on a task, in milliseconds, added up per task."),
        _("Your answers with every revision, your drafts until you submit, your reasons for skipping."),
        _("In which order the candidates were shown to you."),
        _("How you answer tasks whose answer is known. They look like any other task."),
        _("Figures about your answers: how often others agree, which side you choose, how fast you are."),
        _("What reviewers decide about your answers, and why."),
        _("Your logins with the network address, which is erased after the time set by the workspace."),
        _("What you change in the workspace: projects, imports, exports, runs, members, tokens."),
        _("Not recorded: keystrokes, pointer movements, pictures of your screen, other pages."),
        _("Reviewers of this workspace see these records beside your pseudonym, admins beside your name."),
        _("Frozen versions of the data carry a pseudonym instead of your name."),
        _("A computed figure alone never ends your work: at most it pauses it until a person has looked."),
    ),
}
CURRENT_VERSION = max(TEXTS)
# The parts in which the current version is read: which sentence begins each.
PARTS = {0: _("While you work"), 7: _("In your account"), 9: _("What protects you")}


def current_text() -> list[str]:
    """The paragraphs of the current version in the reader's language."""
    return [str(paragraph) for paragraph in TEXTS[CURRENT_VERSION]]


def current_parts() -> list[tuple[str, list[str]]]:
    """The current text under its headings."""
    paragraphs, begins = current_text(), list(PARTS)
    ends = [*begins[1:], len(paragraphs)]
    return [(str(PARTS[begin]), paragraphs[begin:end]) for begin, end in zip(begins, ends, strict=True)]


def has_current_consent(membership: Membership) -> bool:
    return RecordingConsent.objects.filter(membership=membership, version=CURRENT_VERSION).exists()


@transaction.atomic
def give_consent(membership: Membership) -> RecordingConsent:
    """Note the agreement to the current version; a repeat keeps the first time."""
    consent, _created = RecordingConsent.objects.get_or_create(
        membership=membership,
        version=CURRENT_VERSION,
        defaults={"workspace_id": membership.workspace_id, "given_at": timezone.now()},
    )
    return consent
