"""The one expected failure of the embedded services: a sentence that names the remedy."""


class Refused(Exception):
    """Something outside this code must change first; the message says what, in one sentence."""
