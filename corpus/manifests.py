"""Manifests: canonical JSON whose SHA-256 names a version of data or of a model. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """The same content gives the same bytes: sorted keys, no spaces, UTF-8, finite numbers only."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(manifest)).hexdigest()
