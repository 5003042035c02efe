"""The bounds of the citizen's page."""

from __future__ import annotations

BODY_LIMIT = 16_384
"""Octets of a form: two passwords of 128 characters, percent-encoded, are under 4 KiB."""

CONTENT_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Of the page: no script at all."""
