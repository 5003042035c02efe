"""The demo with a part of its mails, so that a test is through in seconds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from mailbot.cli import demo_mails
from mailbot.cli.demo_mails import DemoMail


def only(patch: pytest.MonkeyPatch, names: Collection[str]) -> None:
    """Of fixtures/mail and case_b.yaml those called ``names``."""
    for which in ("cases", "applications"):
        whole = getattr(demo_mails, which)

        def some(*arguments: Any, whole: Any = whole) -> list[DemoMail]:
            return [case for case in whole(*arguments) if case.name in names]

        patch.setattr(demo_mails, which, some)
