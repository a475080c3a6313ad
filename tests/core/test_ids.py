from core.ids import uuid7


def test_identifiers_are_version_7_and_grow_with_time():
    made = [uuid7() for _ in range(50)]
    assert {value.version for value in made} == {7}
    assert {value.variant for value in made} == {"specified in RFC 4122"}
    assert [value.int >> 80 for value in made] == sorted(value.int >> 80 for value in made)
    assert len(set(made)) == 50
