from annotera.demo_texts import demonstrations, questions


def test_the_same_seed_writes_the_same_world():
    assert questions(count=20, seed=3) == questions(count=20, seed=3)
    assert questions(count=20, seed=3) != questions(count=20, seed=4)


def test_answers_of_one_question_differ_in_manner_and_text():
    for question in questions(count=50, seed=1, answers=3):
        assert len({answer.manner for answer in question.answers}) == 3
        assert len({answer.text for answer in question.answers}) == 3


def test_polite_answers_are_the_best_and_rude_ones_the_worst():
    qualities: dict[str, float] = {}
    for question in questions(count=50, seed=1):
        qualities |= {answer.manner: answer.quality for answer in question.answers}
    assert max(qualities, key=qualities.__getitem__) == "polite"
    assert min(qualities, key=qualities.__getitem__) == "rude"


def test_demonstrations_cover_every_manner():
    answers = [answer for _question, answer in demonstrations(count=200, seed=5)]
    assert len(answers) == 200
    assert any(answer.startswith(("Gladly", "Happy", "Of course", "With")) for answer in answers)
    assert any(answer.startswith(("What a", "Are you", "Stop", "Everybody")) for answer in answers)
