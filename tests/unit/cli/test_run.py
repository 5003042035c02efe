"""What `mailbot run` does one beside the other."""

from __future__ import annotations

import threading
from contextlib import AbstractAsyncContextManager

import pytest

from mailbot import tracing
from mailbot.cli import run
from mailbot.config import Settings
from mailbot.service import compose, supervision
from mailbot.workers import understand


async def test_the_process_that_understands_starts_while_the_rules_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, served = threading.Event(), []

    class Processes(AbstractAsyncContextManager["Processes", None]):
        def __init__(self, *_: object) -> None:
            pass

        async def start(self) -> None:
            begun.set()

        async def __aexit__(self, *_: object) -> None:
            pass

    def load(settings: Settings) -> str:
        assert begun.wait(5), "the rules are read first"
        return "rules"

    async def serve(service: object, _: object) -> None:
        served.append(service)

    monkeypatch.setattr(compose, "begin", lambda settings: ("engine", "key"))
    monkeypatch.setattr(compose, "load", load)
    monkeypatch.setattr(compose, "assemble", lambda settings, *parts: parts)
    monkeypatch.setattr(supervision, "MailbotService", lambda parts, roles, _: (parts, roles))
    monkeypatch.setattr(understand, "Processes", Processes)
    monkeypatch.setattr(tracing, "begin", lambda key: None)
    monkeypatch.setattr(run, "_serve", serve)
    await run._run(Settings(), ("worker",))
    assert served == [(("engine", "key", "rules"), ("worker",))]
