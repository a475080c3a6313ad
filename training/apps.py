from importlib import import_module

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"

    def ready(self) -> None:
        # Registers how models are named in lineage lists; models must be loaded before.
        import_module("training.node_names")
