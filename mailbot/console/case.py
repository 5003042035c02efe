"""Screen 2: one ticket."""

from __future__ import annotations

from mailbot.console.shell import READERS, Screen

SCREEN = Screen("", "/tickets", READERS, lambda _desk: ())
