"""Tags of our own gateway are no words of the citizen."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailbot.config import HelpdeskSettings, Settings, load
from mailbot.errors import ConfigError
from mailbot.flow.understand import Understander
from mailbot.model import REQUIRED_SUBJECT, Automatic, Envelope, RawMessage, Source, SubjectClass
from mailbot.observe import utc_now
from mailbot.parsing.tags import without
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver

TAGS = ("[EXTERNAL]", "UWAGA ZEWNĘTRZNY:")


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        ("[EXTERNAL] NOWE", "NOWE"),
        ("[EXTERNAL]NOWE", "NOWE"),
        ("  [EXTERNAL]\t[EXTERNAL] UWAGA  ZEWNĘTRZNY: NOWE", "NOWE"),
        ("Re: [EXTERNAL] NOWE", "Re: NOWE"),
        ("[EXTERNAL] Odp: [EXTERNAL] Fwd[2]: [EXTERNAL] NOWE", "Odp: Fwd[2]: NOWE"),
        ("[EXTERNAL] [PILNE] NOWE", "[PILNE] NOWE"),
        ("[EXTERNAL]", ""),
        (" NOWE  [EXTERNAL] ", " NOWE  [EXTERNAL] "),
        ("[external] NOWE", "[external] NOWE"),
        ("[INNE] [EXTERNAL] NOWE", "[INNE] [EXTERNAL] NOWE"),
        ("NOWE", "NOWE"),
        ("", ""),
    ],
)
def test_only_what_is_named_goes_and_only_at_the_front(subject: str, left: str) -> None:
    assert without(subject, TAGS) == left
    assert without(subject, ()) == subject


@pytest.mark.parametrize(
    "subject", ["[EXTERNAL] " * 50_000, "Re: [EXTERNAL] " * 50_000, "a: " * 100_000, " " * 500_000]
)
def test_it_never_takes_long(subject: str) -> None:
    start = time.perf_counter()
    without(subject, TAGS)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("subject", "headers", "kind", "automatic"),
    [
        (f"[EXTERNAL] {REQUIRED_SUBJECT}", "", SubjectClass.EXACT, None),
        (f"Re: [EXTERNAL] {REQUIRED_SUBJECT}", "In-Reply-To: <1@a.example>\r\n", SubjectClass.REPLY_EXACT, None),
        (f"[INNY] {REQUIRED_SUBJECT}", "", SubjectClass.NEAR, None),
        ("[EXTERNAL] NOWE", "", SubjectClass.NOWE, None),
        ("[EXTERNAL] Re: ZGL0000001", "", SubjectClass.ZGL, None),
        ("[EXTERNAL] Automatyczna odpowiedź: ZGL0000001", "", SubjectClass.ZGL, Automatic.OUT_OF_OFFICE),
    ],
)
def test_a_tagged_subject_is_read_as_it_was_written(
    subject: str, headers: str, kind: SubjectClass, automatic: Automatic | None
) -> None:
    raw = f"From: Jan <jan@wp.example>\r\nSubject: {subject}\r\n{headers}\r\nTekst\r\n".encode()
    settings = Settings(helpdesk=HelpdeskSettings(subject_tags=TAGS))
    understander = Understander(settings, Secret(bytes(32)), StaticResolver({}))
    u = understander.understand(RawMessage(raw, Envelope(Source.IMAP), utc_now()))
    assert (u.subject.kind, u.message.automatic) == (kind, automatic)


@pytest.mark.parametrize("tag", ["HASŁO AWARYJNE", "NOWE", "RE", "[]", "ZGL"])
def test_a_tag_that_could_be_a_subject_is_refused(tmp_path: Path, tag: str) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text(f'[helpdesk]\nsubject_tags = ["{tag}"]\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"subject_tags.*mend"):
        load(file, {})
