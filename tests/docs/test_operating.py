"""docs/operating.md names metrics, commands' answers and settings that exist."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from mailbot.storage.engine import connect, migrate
from mailbot.web.metrics import measure
from tests.support import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "mailbot.service").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


def named() -> set[str]:
    """Metrics of the table and of the alarms."""
    table = PAGE[PAGE.index("| metric (`mailbot_…`)") :].split("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    listed = {name for cell in cells for name in re.findall(r"`([a-z_]+)(?:\{[a-z,]+\})?`", cell)}
    return listed | set(re.findall(r"mailbot_([a-z_]+)", PAGE.partition("Alarms worth having")[2]))


def served(folder: Path) -> str:
    """What is told of an empty database on the first day."""
    engine = connect(f"sqlite:///{folder}/mailbot.db")
    migrate(engine)

    class Found(Collector):
        def collect(self) -> list[Metric]:
            with engine.connect() as connection:
                return list(measure(connection, NOW, {"h@d.example/INBOX": NOW}))

    registry = CollectorRegistry()
    registry.register(Found())
    told = generate_latest(registry).decode()
    engine.dispose()
    return told


def test_every_metric_that_is_named_is_served_from_the_first_day(tmp_path: Path) -> None:
    told = served(tmp_path)
    families = set(re.findall(r"^# TYPE mailbot_(\w+) ", told, re.MULTILINE))
    assert {name.removesuffix("_info") for name in named()} == families
    assert 'mailbot_imap_poll_age_seconds{mailbox="h@d.example/INBOX"} 0.0' in told


def test_what_an_alarm_asks_for_has_a_value_from_the_first_day(tmp_path: Path) -> None:
    """An alarm about a series that is not there never rises."""
    told = served(tmp_path)
    blocks = re.findall(r"```yaml\n(groups:.*?)```", PAGE, re.DOTALL)
    rules = [rule for block in blocks for group in yaml.safe_load(block)["groups"] for rule in group["rules"]]
    assert len(rules) > 5
    for rule in rules:
        for series in re.findall(r"mailbot_[a-z_]+(?:\{[^}]*\})?", rule["expr"]):
            name, _, labels = series.partition("{")
            found = [line for line in told.splitlines() if re.match(rf"{name}(?:\{{| )", line)]
            assert any(labels.rstrip("}") in line for line in found), series


def test_the_unit_does_not_start_again_what_cannot_run_and_has_descriptors() -> None:
    assert "RestartPreventExitStatus=78\n" in UNIT
    (limit,) = re.findall(r"^LimitNOFILE=(\d+)$", UNIT, re.MULTILINE)
    assert int(limit) >= 4096
