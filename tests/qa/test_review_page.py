"""The review page: everybody side by side, why an answer is here, differences, and what comes next."""

import re
from typing import Any

import pytest
from django.utils.html import strip_tags

from annotation.models import Annotation, Project
from annotation.submissions import revise
from qa import inbox, reviews
from qa.models import Acceptance, GoldScore
from qa.review_views import LAST_DECISION
from tests.annotation.worlds import add_tasks, make_project, more_annotators
from tests.conftest import Cast
from tests.qa.review_worlds import differing_labels, differing_rankings, differing_texts
from tests.qa.worlds import acceptance_of, answer_of, put, rank, state_of, take


def address(acceptance: Acceptance, *, query: str = "") -> str:
    return f"/w/acme/reviews/{acceptance.uid}/{query}"


def opened(cast: Cast, acceptance: Acceptance, *, query: str = "", who: Any = None) -> str:
    answer = cast.client(who or cast.rita).get(address(acceptance, query=query))
    assert answer.status_code == 200
    return str(answer.content.decode())


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", strip_tags(html))


def changed(html: str, tag: str, word: str) -> bool:
    """Whether a difference marks the word as taken away (del) or put there (ins)."""
    return any(word in piece for piece in re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", html, re.DOTALL))


def waiting(project: Project) -> list[Acceptance]:
    return list(Acceptance.objects.filter(project=project, state="open").order_by("-risk", "pk"))


def test_rankings_stand_side_by_side_with_what_differs_marked(crew: Cast) -> None:
    project = differing_rankings(crew, tasks=1)
    [acceptance] = waiting(project)
    shown = opened(crew, acceptance)
    people = set(Annotation.objects.values_list("membership__pseudonym", flat=True))
    assert len(people) == 3
    assert all(name in shown for name in people)
    words = words_of(shown)
    assert "3 answers side by side" in words
    assert "2 of 3 put" in words
    assert "They differ on 1 of 3 pairs" in words
    assert shown.count(" data-differs>") == 2, "two places of the one who sees it differently"
    assert "The others contradict 33 % of what this order says about pairs." in words
    assert "The first one says what to avoid." in words


def test_written_answers_are_compared_word_by_word(crew: Cast) -> None:
    [acceptance] = waiting(differing_texts(crew))
    shown = opened(crew, acceptance)
    assert "<strong>soft, dry cloth</strong>" in shown, "rendered as it is read"
    assert changed(shown, "del", "warm")
    assert changed(shown, "ins", "cold")
    assert "The instruction as this person mended it" in shown
    assert "% of the words are the same" in shown
    assert "Needs an expert" in words_of(shown)


def test_labels_show_who_chose_which(crew: Cast) -> None:
    acceptance = waiting(differing_labels(crew))[0]
    words = words_of(opened(crew, acceptance))
    assert "2 of 3 chose “praise”." in words
    assert "2 of 3 chose “complaint”." in words


def test_two_candidates_can_be_compared_by_choice(crew: Cast) -> None:
    [acceptance] = waiting(differing_rankings(crew, tasks=1))
    shown = opened(crew, acceptance, query="?left=A&right=C")
    assert "A and C, word by word" in shown
    for wrong in ("?left=A&right=A", "?left=Z&right=%00", "?left=<b>"):
        assert "word by word" in opened(crew, acceptance, query=wrong)


def test_what_a_reviewer_changed_is_a_difference_of_words(crew: Cast) -> None:
    [acceptance] = waiting(differing_texts(crew))
    prompt = acceptance.annotation.answer["prompt"]
    mended = {"prompt": prompt, "completion": "Wipe it with a soft towel."}
    reviews.fix_and_accept(acceptance=acceptance, by=crew.rita, answer=mended)
    shown = opened(crew, acceptance)
    assert "What the reviewer changed: answer" in shown
    assert changed(shown, "ins", "towel")
    assert "Decided: accepted by" in shown


def test_a_mended_answer_is_shown_against_its_former_revision_with_what_was_asked(crew: Cast) -> None:
    [acceptance] = waiting(differing_texts(crew))
    assignment = acceptance.annotation.assignment
    reviews.send_back(acceptance=acceptance, by=crew.rita, comment="Say it shorter.")
    assignment.refresh_from_db()
    answer = {"prompt": acceptance.annotation.answer["prompt"], "completion": "Wipe it with a cloth."}
    revise(assignment=assignment, answer=answer_of(assignment, answer), revision=1)
    inbox.take()
    [again] = [row for row in waiting(acceptance.project) if row.annotation.revision == 2]
    shown = opened(crew, again)
    assert "What changed since revision 1: answer" in shown
    assert "A reviewer had written: Say it shorter." in words_of(shown)


def test_the_reasons_come_with_their_figures(crew: Cast) -> None:
    project = differing_rankings(crew, tasks=2)
    acceptance = waiting(project)[0]
    person = acceptance.annotation.membership
    GoldScore.objects.create(
        workspace=crew.workspace, project=project, membership=person, answered=8, right=2, verdict="failed"
    )
    Acceptance.objects.filter(pk=acceptance.pk).update(reasons=["gold", "fast"], risk=8.5)
    Annotation.objects.filter(pk=acceptance.annotation_id).update(active_ms=4000)
    words = words_of(opened(crew, acceptance))
    assert "Right in 2 of 8 gold tasks, 25 %; the test asks for 80 %." in words
    assert "4 s here; this person’s median is 21 s." in words


def test_an_answer_that_the_policy_accepted_says_that_no_reason_was_found(crew: Cast, pairs: Project) -> None:
    annotation = rank(pairs, crew.bob)
    inbox.take()
    assert "No reason to look was found" in opened(crew, acceptance_of(annotation))


@pytest.mark.parametrize("people", [1, 6])
def test_a_review_costs_the_same_however_many_answered(
    crew: Cast, people: int, django_assert_max_num_queries: Any
) -> None:
    project = make_project(crew, overlap=people + 2, aspects=[])
    add_tasks(project, 1)
    first = rank(project, crew.bob, flags=["unsafe"])
    for person in more_annotators(crew, people):
        rank(project, person)
    inbox.take_all(project=project)
    client = crew.client(crew.rita)
    with django_assert_max_num_queries(16):
        client.get(address(acceptance_of(first)))


# --- The way through the queue ----------------------------------------------------------------------------
def flagged(crew: Cast, project: Project, count: int) -> list[Acceptance]:
    made = [rank(project, crew.bob, flags=["unsafe"]) for _number in range(count)]
    inbox.take()
    return [acceptance_of(annotation) for annotation in made]


def test_next_and_before_follow_the_risk_and_progress_counts_decisions(crew: Cast, pairs: Project) -> None:
    first, second, third = flagged(crew, pairs, 3)
    Acceptance.objects.filter(pk=third.pk).update(risk=9)
    client = crew.client(crew.rita)
    shown = opened(crew, first)
    assert f'data-step="before" href="{address(third)}"' in shown
    assert f'data-step="after" href="{address(second)}"' in shown
    assert "0 of 3 reviewed" in shown
    answer = client.post(f"{address(first)}decide/", {"decision": "accept"})
    assert answer["Location"] == address(second), "the next riskiest after it, not the one passed over"
    answer = client.post(f"{address(second)}decide/", {"decision": "accept"})
    assert answer["Location"] == address(third), "then what was passed over"
    assert "2 of 3 reviewed" in opened(crew, third)


def test_the_last_decision_can_be_taken_back_from_the_next_page_once(crew: Cast, pairs: Project) -> None:
    first, second = flagged(crew, pairs, 2)
    client = crew.client(crew.rita)
    client.post(f"{address(first)}decide/", {"decision": "reject"})
    shown = client.get(address(second)).content.decode()
    assert "Rejected." in shown
    assert f'action="{address(first)}decide/"' in shown
    assert f'action="{address(first)}decide/"' not in client.get(address(second)).content.decode()
    answer = client.post(f"{address(first)}decide/", {"decision": "reopen"})
    assert answer["Location"] == address(first)
    assert state_of(first.annotation)[0] == "open"


def test_a_part_of_the_queue_stays_the_part_after_a_decision(crew: Cast, pairs: Project) -> None:
    first, second, third = flagged(crew, pairs, 3)
    Acceptance.objects.filter(pk__in=[first.pk, third.pk]).update(reasons=["flag", "fast"])
    client = crew.client(crew.rita)
    assert f'href="{address(third)}?reason=fast"' in opened(crew, first, query="?reason=fast")
    answer = client.post(f"{address(first)}decide/", {"decision": "accept", "reason": "fast"})
    assert answer["Location"] == f"{address(third)}?reason=fast"
    answer = client.post(f"{address(third)}decide/", {"decision": "accept", "reason": "fast"})
    assert answer["Location"] == f"/w/acme/projects/{pairs.uid}/reviews/?reason=fast"
    assert state_of(second.annotation)[0] == "open"


def test_a_decision_is_not_offered_back_in_another_workspace(crew: Cast, pairs: Project) -> None:
    first, _second = flagged(crew, pairs, 2)
    client = crew.client(crew.rita)
    client.post(f"{address(first)}decide/", {"decision": "reject"})
    session = client.session
    kept = session[LAST_DECISION]
    assert kept["workspace"] == crew.workspace.pk
    session[LAST_DECISION] = {**kept, "workspace": crew.charlie.workspace_id}
    session.save()
    assert "Rejected." not in queue_of(client, pairs)


# --- The queue --------------------------------------------------------------------------------------------
def queue_of(client: Any, project: Project) -> str:
    return str(client.get(f"/w/acme/projects/{project.uid}/reviews/").content.decode())


def queue(crew: Cast, project: Project, query: str = "", *, status: int = 200) -> str:
    answer = crew.client(crew.rita).get(f"/w/acme/projects/{project.uid}/reviews/{query}")
    assert answer.status_code == status
    return str(answer.content.decode())


def test_the_queue_is_narrowed_by_reason_and_person(crew: Cast, pairs: Project) -> None:
    mine, other = flagged(crew, pairs, 2)
    Acceptance.objects.filter(pk=other.pk).update(reasons=["flag", "side"])
    shown = queue(crew, pairs, "?reason=side")
    assert str(other.uid) in shown
    assert str(mine.uid) not in shown
    assert str(mine.uid) in queue(crew, pairs, f"?person={crew.bob.pseudonym}")
    assert "No answer with this reason or person" in queue(crew, pairs, "?person=p-nobody")
    queue(crew, pairs, "?reason=nonsense", status=422)
    queue(crew, pairs, "?person=%00", status=422)


def test_the_queue_has_pages_by_risk(crew: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(crew, aspects=[])
    add_tasks(project, 5)
    made = flagged(crew, project, 5)
    for number, acceptance in enumerate(made):
        Acceptance.objects.filter(pk=acceptance.pk).update(risk=4 + number / 3)
    monkeypatch.setattr("qa.queue_page.AT_A_TIME", 2)
    seen: list[str] = []
    query = ""
    for _page in range(3):
        shown = queue(crew, project, query)
        seen += re.findall(r'class="main-link" href="/w/acme/reviews/([0-9a-f-]+)/', shown)
        found = re.search(r'href="(\?before=[^"]+)" rel="next"', shown)
        query = found[1] if found else ""
    assert seen == [str(acceptance.uid) for acceptance in reversed(made)]
    assert not query
    for wrong in ("?before=x", "?before=bmFuOjE", "?before=MTox" + "A" * 90):
        queue(crew, project, wrong, status=400)


def test_chosen_answers_are_accepted_together_and_nothing_that_must_be_seen(crew: Cast) -> None:
    project = differing_rankings(crew, tasks=3)
    first, second, third = waiting(project)
    Acceptance.objects.filter(pk=third.pk).update(reasons=["flag"])
    shown = queue(crew, project)
    assert shown.count('name="chosen"') == 2
    assert "Accept the rest" in shown
    client, rest = crew.client(crew.rita), f"/w/acme/projects/{project.uid}/reviews/accept-rest/"
    chosen = [str(first.uid), str(third.uid)]
    assert client.post(rest, {"only_chosen": "1", "chosen": chosen}).status_code == 302
    assert [state_of(row.annotation)[0] for row in (first, second, third)] == ["accepted", "open", "open"]
    assert client.post(rest, {"only_chosen": "1"}).status_code == 302
    assert state_of(second.annotation)[0] == "open"
    assert client.post(rest, {"only_chosen": "1", "chosen": "x"}).status_code == 422


def test_a_part_of_the_queue_accepts_only_what_was_chosen_in_it(crew: Cast) -> None:
    project = differing_rankings(crew, tasks=2)
    first, second = waiting(project)
    shown = queue(crew, project, "?reason=disagreement")
    assert "Accept the rest" not in shown, "it would accept what is not on this page"
    assert '<input type="hidden" name="reason" value="disagreement">' in shown
    rest = f"/w/acme/projects/{project.uid}/reviews/accept-rest/"
    sent = {"only_chosen": "1", "chosen": str(first.uid), "reason": "disagreement"}
    answer = crew.client(crew.rita).post(rest, sent)
    assert answer["Location"] == f"/w/acme/projects/{project.uid}/reviews/?reason=disagreement"
    assert [state_of(row.annotation)[0] for row in (first, second)] == ["accepted", "open"]


def test_what_is_decided_names_the_part_that_was_asked_for(crew: Cast, pairs: Project) -> None:
    [acceptance] = flagged(crew, pairs, 1)
    reviews.accept(acceptance=acceptance, by=crew.rita)
    person = crew.bob.pseudonym
    shown = queue(crew, pairs, f"?state=accepted&person={person}&reason=flag")
    assert str(acceptance.uid) in shown
    assert f'<option value="{person}" selected>{person}</option>' in shown
    assert str(acceptance.uid) not in queue(crew, pairs, "?state=accepted&reason=side")


def test_a_tie_and_a_missing_place_are_shown_as_such(crew: Cast) -> None:
    project = make_project(crew, aspects=[])
    add_tasks(project, 1, candidates=3)
    assignment = take(project, crew.bob)
    first, second, _third = (str(uid) for uid in assignment.shown_order)
    put(assignment, {"ranking": [[first, second]], "flags": ["unsafe"]})
    inbox.take()
    [acceptance] = waiting(project)
    shown = opened(crew, acceptance)
    assert shown.count('data-place="1"') == 2
    assert 'data-place="none"' in shown
    assert "A = B" in shown
