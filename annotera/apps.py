from django.apps import AppConfig


class AnnoteraConfig(AppConfig):
    name = "annotera"
