from importlib import import_module

from django.apps import AppConfig


class QaConfig(AppConfig):
    name = "qa"

    def ready(self) -> None:
        # Registers how projects are named in lineage lists; models must be loaded before.
        import_module("qa.node_names")
