"""Each mail of the citizens' corpus, written by many mail clients, has the outcome the corpus says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.signing.citizens import build_attachments
from fixtures.signing.pki import Pki
from mailbot.accounts import memory
from mailbot.config import AuthenticationSettings, Settings
from mailbot.flow.facts import needs_check
from mailbot.flow.lookup import Assessment
from mailbot.model import (
    ApplicationCheck,
    ApplicationState,
    Decision,
    Envelope,
    Facts,
    Outcome,
    RawMessage,
    Source,
)
from mailbot.sender.resolver import StaticResolver
from mailbot.trial.simulator import blank, open_trial
from tests import histories
from tests.citizens import AUTHSERV_ID, STYLES, Entry, build, can_carry
from tests.explain import RECEIVED, Explained, explain
from tests.flow import PDF

PHRASE_READ = frozenset({"OK_A", "OK_B", "REJ_FORMAL", "REJ_GENERIC", "REVIEW"})
REGISTRY_ASKED = frozenset({"OK_A", "OK_B", "REJ_GENERIC", "REVIEW"})
"""Outcomes after the registry was asked: a formal defect, a near miss or a forgery decides before that."""


@pytest.fixture(scope="module")
def entries(corpora: Path) -> list[Entry]:
    found: list[Entry] = yaml.safe_load((corpora / "citizens" / "mails.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def explained(entries: list[Entry], corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Explained:
    folder, earlier = tmp_path_factory.mktemp("citizens"), tmp_path_factory.mktemp("earlier")
    pki = Pki(datetime.fromisoformat(RECEIVED))
    for entry in entries:
        files = build_attachments(entry["attachments"], pki)
        for style in STYLES:
            if can_carry(entry, style):
                mail = folder / f"{entry['id']}_{style}.eml"
                mail.write_bytes(build(entry, style, files))
                again = build({**entry, "id": f"{entry['id']} again"}, style, files)
                histories.write(entry["id"], mail, again, earlier)
    trust = pki.write_trust(tmp_path_factory.mktemp("trust"))
    return explain(folder, corpora / "citizens" / "accounts.yaml", timeout=600.0, trust=trust)


def differences(entry: Entry, found: dict[str, Any]) -> list[str]:
    """What ``explain`` says otherwise than the entry, one text a difference."""
    wanted = {"defects": [], **entry["expect"], "category": histories.category(entry)}
    keys = ["subject_class", "outcome", "category", "defects"]
    if wanted["outcome"] in PHRASE_READ and wanted["phrase"] is not None:
        keys.append("phrase")
    if wanted["outcome"] in REGISTRY_ASKED:
        keys += [key for key in ("name", "year") if wanted[key] is not None]
    return [f"{key}: {found.get(key)!r}, not {wanted[key]!r}" for key in keys if found.get(key) != wanted[key]]


@pytest.mark.parametrize("style", STYLES)
def test_outcome(style: str, entries: list[Entry], explained: Explained) -> None:
    found = explained.by_name()
    mine = [entry for entry in entries if can_carry(entry, style)]
    wrong = {entry["id"]: differences(entry, found[f"{entry['id']}_{style}"]) for entry in mine}
    assert mine
    assert {key: why for key, why in wrong.items() if why} == {}


def test_every_mail_is_answered(explained: Explained, entries: list[Entry]) -> None:
    assert explained.exit_code == 0, explained.stderr
    assert len(explained.objects) == sum(can_carry(entry, style) for entry in entries for style in STYLES)


def test_every_entry_is_carried_by_some_style(entries: list[Entry]) -> None:
    assert [entry["id"] for entry in entries if not any(can_carry(entry, style) for style in STYLES)] == []


def test_a_refusal_by_the_registry_is_the_same_for_all(entries: list[Entry], explained: Explained) -> None:
    refusals = {entry["id"] for entry in entries if entry["expect"]["outcome"] == "REJ_GENERIC"}
    said = {
        (found["outcome"], found["category"], tuple(found["mails"]), tuple(found["defects"]))
        for path, found in explained.objects
        if path.stem.partition("_")[0] in refusals
    }
    assert {category for _, category, _, _ in said} == {"HASLO_AWARYJNE_A", "HASLO_AWARYJNE_B"}
    assert len(said) == 2, "within the sentence that the citizen wrote"


NEEDED = ("C123", "C132", "C135", "C136", "C137", "C154", "C155")
"""Entries whose outcome lies in their history alone; a number that never was (C134) is as good as a foreign one."""


def test_without_its_history_an_entry_comes_out_otherwise(entries: list[Entry], corpora: Path, tmp_path: Path) -> None:
    needing = {entry["id"]: entry for entry in entries if entry["id"] in NEEDED}
    for name, entry in needing.items():
        (tmp_path / f"{name}.eml").write_bytes(build(entry, "utf8-qp"))
    found = explain(tmp_path, corpora / "citizens" / "accounts.yaml").by_name()
    assert tuple(needing) == NEEDED
    assert [name for name, entry in needing.items() if found[name]["outcome"] == entry["expect"]["outcome"]] == []


S = ApplicationState
CHECKED = tuple(ApplicationCheck(state) for state in S if state not in (S.NONE, S.NOT_ASKED, S.MALWARE))
"""All that a check may find."""


async def test_what_is_decided_without_a_check_of_a_file_is_decided_as_with_it(
    entries: list[Entry], corpora: Path
) -> None:
    """Every entry with a file more, which may be anything: facts beside the file, decision and mails are the same."""
    settings = Settings(authentication=AuthenticationSettings(AUTHSERV_ID, max_age_days=36_500))
    now = datetime.fromisoformat(RECEIVED)
    people = memory.load(corpora / "citizens" / "accounts.yaml", now.year)
    outcomes: Counter[str] = Counter()
    told: list[Decision] = []
    async with open_trial(settings, people, StaticResolver({})) as trial:
        with blank() as connection:
            for entry in entries:
                raw = RawMessage(build(entry, "utf8-qp", [PDF]), Envelope(Source.INJECT), now)
                u = trial.read(raw)
                if not needs_check(u) or trial.waits(u, connection, now):
                    continue
                lookup = trial.flow.lookup(connection, [u], now)
                without = _told(trial.flow.assess(u, lookup))
                outcomes[without[0].outcome] += 1
                for checked in CHECKED:
                    assert _told(trial.flow.assess(replace(u, checked=checked), lookup)) == without, entry["id"]
                if without[0] not in told:
                    told.append(without[0])
                    signed = replace(u, checked=ApplicationCheck(S.QUALIFIED))
                    assert trial.mails(raw, signed, connection, now) == trial.mails(raw, u, connection, now)
    assert set(outcomes) == {Outcome.OK_A, Outcome.REJ_FORMAL}
    assert outcomes[Outcome.OK_A] > 20


def _told(assessment: Assessment) -> tuple[Decision, Facts]:
    return replace(assessment.decision, trace=()), replace(assessment.facts, application="")
