"""Bob, Rita and Alice have agreed to what is recorded; projects are made per test."""

import pytest

from tests.annotation.worlds import consenting
from tests.conftest import Cast


@pytest.fixture
def crew(cast: Cast) -> Cast:
    consenting(cast.alice, cast.bob, cast.rita, cast.charlie)
    return cast


@pytest.fixture
def committed_crew(committed_cast: Cast) -> Cast:
    consenting(committed_cast.alice, committed_cast.bob, committed_cast.rita, committed_cast.charlie)
    return committed_cast
