"""Which events CSD is told, and how they are signed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from mailbot.console.words import WORDS
from mailbot.csd import events
from tests.support import ROOT

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJD" * 10


def kinds() -> Iterator[str]:
    """Every kind of event: what the console has words for, and what stands in the code as one."""
    yield from (key.partition(".")[2] for key in WORDS if key.startswith("event."))
    for file in sorted((ROOT / "mailbot").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            yield from _written(node)


def _written(node: ast.AST) -> Iterator[str]:
    """Texts that a call hands on as the kind of an event: of ``…event(``, ``_tell(``, ``note_look(``, ``plan_of(``,
    ``closed(``; and ``kind=``, ``"kind":`` in an insert into ticket_event."""
    if not isinstance(node, ast.Call):
        return
    name = ast.unparse(node.func).rpartition(".")[2]
    if name in ("event", "_event", "_tell", "note_look", "plan_of", "_decided_again"):
        words = (each for given in node.args if isinstance(given, ast.Constant | ast.IfExp) for each in ast.walk(given))
        yield from (each.value for each in words if isinstance(each, ast.Constant) and isinstance(each.value, str))
    if name == "values" and "insert(ticket_event)" in ast.unparse(node.func):
        yield from (k.value.value for k in node.keywords if k.arg == "kind" and isinstance(k.value, ast.Constant))


def test_every_kind_of_event_is_told_or_silent_on_purpose() -> None:
    found = set(kinds())
    assert len(found) > 45
    assert {kind for kind in found if kind not in events.TYPES and kind not in events.SILENT} == set()
    assert not events.SILENT & set(events.TYPES)


def test_what_nobody_knows_yet_is_told_as_a_change() -> None:
    assert events.type_of("something-new") == "ticket.changed"


def test_the_reference_library_takes_our_signature_by_each_secret_and_no_other() -> None:
    now = datetime.now(UTC)  # what is five minutes old it takes for a replay
    secrets = events.secrets_of(f"# new\n{SECRET}\n\n{OTHER} # old\n")
    content = events.body("mail-sent", now, 7, "ZGL0000001", "W_TOKU", "", {"kind": "T1"}, "machine").encode()
    signed = events.headers(secrets, events.webhook_id("ab" * 32), now, content)
    assert signed["webhook-id"] == "evt_" + "ab" * 20
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(content, signed)["data"]["seq"] == 7
    for secret, octets in ((SECRET, content + b" "), ("whsec_" + "QUJE" * 10, content)):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(octets, signed)


NOW = datetime(2026, 11, 30, tzinfo=UTC)


def test_a_secret_as_the_standard_shows_it() -> None:
    """The example of the specification (standard-webhooks, spec, "Signature scheme")."""
    at = datetime.fromtimestamp(1614265330, UTC)
    signed = events.headers(events.secrets_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "wrong", ["", "# none", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_ż" + "A" * 40]
)
def test_what_is_no_secret_is_refused_without_being_quoted(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^(line 1 is no secret|there is no secret in it)$"):
        events.secrets_of(wrong)


@pytest.mark.parametrize("said", ["T1", "T3"])
def test_of_a_detail_only_the_kind_of_a_mail_is_told(said: str) -> None:
    detail = {"kind": said, "by": "jan", "text": "tekst", "answer": "250 anna@wp.example", "reason": "x"}
    told = events.body("mail-sent", NOW, 7, "ZGL0000001", "W_TOKU", "I_LINIA", detail, "operator:jan")
    assert said in told
    assert not any(word in told for word in ("jan", "tekst", "anna", "reason"))
    assert 'mail"' not in events.body("note", NOW, 7, "ZGL0000001", "W_TOKU", "", {"kind": "anna"}, "machine")
