"""The context of the review queue: what waits and why, narrowed by reason, person and state."""

from typing import Any

from annotation.models import Project
from annotation.texts import opening_of
from core.pagination import newest_first
from qa.inbox import held_members
from qa.listing import open_reviews, review_counts, reviews_of
from qa.models import Acceptance
from qa.review_lists import Narrowed, people_counts, reason_counts, reviewed, riskiest_first
from qa.review_page import SHOWN_CHARACTERS, answer_in_short
from qa.risks import NEVER_UNSEEN, REASONS
from qa.side_by_side import BADGES

AT_A_TIME = 50
MOST_PEOPLE = 100


def queue_context(project: Project, *, state: str, narrowed: Narrowed, before: str) -> dict[str, Any]:
    is_open = state == Acceptance.State.OPEN
    found = open_reviews(project) if is_open else reviews_of(project, state)
    chosen = narrowed.of(found)
    page = (riskiest_first if is_open else newest_first)(chosen, before=before, size=AT_A_TIME)
    counts = review_counts(project)
    held = held_members(project) if is_open else set()
    # Counted where people work; in the other states only what was asked for is named.
    reasons: dict[str, int | None] = {narrowed.reason: None} if narrowed.reason else {}
    people: list[tuple[str, int | None]] = [(narrowed.person, None)] if narrowed.person else []
    if is_open:
        reasons, people = {**reason_counts(found)}, [*people_counts(found)[:MOST_PEOPLE]]
    return {
        "project": project,
        "rows": [_row(project, acceptance, held) for acceptance in page.rows],
        "state": state,
        "tabs": [(value, label, counts[value]) for value, label in Acceptance.State.choices],
        "open": counts[Acceptance.State.OPEN],
        "answered": any(counts.values()),
        "next_cursor": page.next_cursor,
        "narrowed": narrowed,
        "reasons": [(reason, REASONS[reason], count) for reason, count in reasons.items()],
        "people": people,
        "reviewed": reviewed(project),
        "badge": BADGES[Acceptance.State(state)],
    }


def _row(project: Project, acceptance: Acceptance, held: set[int]) -> dict[str, object]:
    annotation = acceptance.annotation
    is_held = annotation.membership_id in held
    return {
        "acceptance": acceptance,
        "reasons": [(reason, REASONS[reason]) for reason in acceptance.reasons if reason in REASONS],
        "answer": answer_in_short(annotation, project.kind, acceptance.fixed_answer or annotation.answer),
        "opening": opening_of(annotation.task.body, longest=SHOWN_CHARACTERS),
        "seconds": annotation.active_ms / 1000 or None,
        "may_be_chosen": not is_held and not set(acceptance.reasons) & set(NEVER_UNSEEN),
    }
