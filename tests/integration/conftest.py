"""Fixtures of more than one file."""

from tests.logins import built, cheap_passwords, parts

__all__ = ["built", "cheap_passwords", "parts"]
