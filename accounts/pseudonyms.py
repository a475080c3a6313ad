"""The only names of people that frozen versions carry."""

import secrets

# Without the letters and digits that are mistaken for one another.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
LENGTH = 10


def fresh_pseudonym() -> str:
    """A random name that tells neither person nor role, since the role may change later.

    31^10 values make a clash improbable; the database's unique constraint would refuse one.
    """
    return "p-" + "".join(secrets.choice(ALPHABET) for _position in range(LENGTH))
