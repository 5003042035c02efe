"""The console: the application, and the screens it is made of.

A new screen is one module with a ``SCREEN`` (shell.Screen), a template, a table of words, and its name in SCREENS.
"""

from __future__ import annotations

from mailbot.console import case, todo
from mailbot.console.shell import Screen

SCREENS: tuple[Screen, ...] = (todo.SCREEN, case.SCREEN)
"""In the order of the navigation."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No script and no style but from files of ours. data: is for the pictures that the style sheet holds."""
