"""The composition root: settings, addresses, workers, supervisor, and what spans several apps."""

from annotera.celery import app as celery_app

__all__ = ["celery_app"]
