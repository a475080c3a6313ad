#!/usr/bin/env python
"""Run Annotera's commands: `manage.py help` lists them, `manage.py up` starts everything."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

from annotera.embedded.accounts import become_service_account
from annotera.embedded.home import NOT_RUNNING, home_directory, services_running
from annotera.embedded.refusals import Refused


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotera.settings")
    become_service_account(command=sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError:
        if services_running(home_directory()):
            raise
        sys.exit(NOT_RUNNING)
    except Refused as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
