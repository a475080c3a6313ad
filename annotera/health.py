"""`/healthz` says that the process answers; `/readyz` says whether each part it needs does, and why not."""

import shutil
from collections.abc import Callable

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

FREE_DISK_MIB = 200


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part is ready, else 503; each part carries its reason."""
    parts = {name: check() for name, check in CHECKS.items()}
    ready = all(reason == "ok" for reason in parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"does not answer: {str(error).splitlines()[0]}"
    return "ok"


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "cannot be read: the database does not answer"
    return f"{len(missing)} not applied: run manage.py migrate" if missing else "ok"


def _broker() -> str:
    try:
        with current_app.connection_for_write(connect_timeout=2) as channel:
            channel.ensure_connection(max_retries=0, timeout=2)
    except (OperationalError, OSError) as error:
        return f"does not answer: {error}"
    return "ok"


def _disk() -> str:
    free = shutil.disk_usage(settings.ANNOTERA_HOME).free // (1024 * 1024)
    return "ok" if free >= FREE_DISK_MIB else f"only {free} MiB free, {FREE_DISK_MIB} MiB are needed"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "disk": _disk,
}
