"""Fixtures of more than one file."""

from playwright.async_api import expect

from tests.logins import built, cheap_passwords, parts

__all__ = ["built", "cheap_passwords", "parts"]

expect.set_options(timeout=30_000)  # milliseconds; of its own it waits 5 s, which a busy machine may need
