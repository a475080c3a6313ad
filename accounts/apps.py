from django.apps import AppConfig

# Registers itself with the generator of the OpenAPI document by being imported.
from accounts import openapi as openapi


class AccountsConfig(AppConfig):
    name = "accounts"
