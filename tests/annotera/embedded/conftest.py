from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.annotera.embedded.installations import fresh_home


@pytest.fixture
def home() -> Iterator[Path]:
    with fresh_home() as path:
        yield path
