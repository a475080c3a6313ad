"""Workers and their broker, for the tests that need real ones."""

from tests.jobs.conftest import (  # noqa: F401
    broker,
    ends,
    module_workers,
    session_broker,
    session_directory,
    start_worker,
    work_root,
    worker,
)
