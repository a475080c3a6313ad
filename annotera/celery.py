"""Celery carries doorbells only: the job rows are the truth, so a lost message never loses a job."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotera.settings")

app = Celery("annotera")
# Only the broker's address is a setting, read when first used.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=False,
    task_default_queue="light",
    worker_prefetch_multiplier=1,
    # A bell that a busy worker holds back is one that an idle worker does not hear.
    worker_disable_prefetch=True,
    # How long a slot stays taken after its process was killed; the row tells what became of the job.
    worker_lost_wait=1.0,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1, "interval_max": 0.3},
    broker_transport_options={
        "visibility_timeout": 3600,
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 25,
    },
)
app.autodiscover_tasks(["jobs"])
