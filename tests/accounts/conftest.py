import pytest

QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def quick_hashes(settings) -> list[str]:
    """Argon2 takes a fifth of a second a login, by design; returns the hashers of the product."""
    hashers = settings.PASSWORD_HASHERS
    settings.PASSWORD_HASHERS = QUICK
    return hashers
