"""Secrets that are shown once: only their hash is stored."""

import hashlib
import secrets


def new_secret(prefix: str = "") -> str:
    """256 random bits, safe in an address and in a header."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """SHA-256 is enough here: the input has 256 random bits, so there is nothing to guess slowly."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
