"""People who have agreed to what is recorded, and a ranking project with two answers a task."""

import pytest

from annotation.models import Project
from tests.annotation.worlds import add_tasks, consenting, make_project
from tests.conftest import Cast


@pytest.fixture
def crew(cast: Cast) -> Cast:
    consenting(cast.alice, cast.bob, cast.rita, cast.charlie)
    return cast


@pytest.fixture
def committed_crew(committed_cast: Cast) -> Cast:
    consenting(committed_cast.alice, committed_cast.bob, committed_cast.rita, committed_cast.charlie)
    return committed_cast


@pytest.fixture
def pairs(crew: Cast) -> Project:
    """Ten tasks, each to be ranked by two people."""
    project = make_project(crew, overlap=2, aspects=[])
    add_tasks(project, 10)
    return project
