from importlib import import_module

from django.apps import AppConfig


class CorpusConfig(AppConfig):
    name = "corpus"

    def ready(self) -> None:
        # Registers how its objects are named in lineage lists; models must be loaded before.
        import_module("corpus.node_names")
