"""docs/operating.md names metrics, commands' answers and settings that exist."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from mailbot import counts
from mailbot.config import Settings
from mailbot.observe import utc_now
from mailbot.storage.engine import connect, migrate
from mailbot.web import watch
from mailbot.web.metrics import measure
from tests.integration.servers import program
from tests.support import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "mailbot.service").read_text(encoding="utf-8")
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RULES = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
BOARD = json.loads((ROOT / "deploy" / "grafana" / "mailbot.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


def named() -> set[str]:
    """Metrics of the table."""
    table = PAGE[PAGE.index("| metric (`mailbot_…`)") :].split("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)(?:\{[a-z,]+\})?`", cell)}


def served(folder: Path, encode: Callable[[CollectorRegistry], bytes] = generate_latest) -> str:
    """What is told of an empty database on the first day."""
    engine = connect(f"sqlite:///{folder}/mailbot.db")
    migrate(engine)

    class Found(Collector):
        def collect(self) -> list[Metric]:
            with engine.connect() as connection:
                state = watch.DatabaseWatch(Settings(), None, utc_now, watch.TrustWatch("")).measure(connection, NOW)  # type: ignore[arg-type]
                mailboxes = {"h@d.example/INBOX": NOW}
                trust = watch.TrustWatch("").measure(connection, NOW)
                rows = [*measure(connection, NOW, mailboxes), *state, *trust]
            return [*rows, *counts.REGISTRY.collect()]

    registry = CollectorRegistry()
    registry.register(Found())
    told = encode(registry).decode()
    engine.dispose()
    return told


def families(told: str) -> set[str]:
    return set(re.findall(r"^# TYPE mailbot_(\w+) ", told, re.MULTILINE))


def family(name: str) -> str:
    """Of a sample."""
    return re.sub(r"_(bucket|count|sum|total|info)$", "", name.removeprefix("mailbot_"))


def test_every_metric_that_is_named_is_served_from_the_first_day(tmp_path: Path) -> None:
    told = served(tmp_path)
    assert {family(name) for name in named()} == families(told)
    assert 'mailbot_imap_poll_age_seconds{mailbox="h@d.example/INBOX"} 0.0' in told


def series(text: str) -> set[str]:
    """Names and labels in expressions of PromQL."""
    return set(re.findall(r"mailbot_[a-z_]+(?:\{[^}]*\})?", text))


def exprs(rules: object) -> list[str]:
    if isinstance(rules, dict):
        return [value for key, value in rules.items() if key == "expr"] + [e for v in rules.values() for e in exprs(v)]
    return [e for v in rules for e in exprs(v)] if isinstance(rules, list) else []


LATER = ("mailbot_probe_", "mailbot_trust_list_", "mailbot_oauth_")
"""Of those who send probes, have a trust folder, log in by tokens."""


def test_what_an_alarm_asks_for_has_a_value_from_the_first_day(tmp_path: Path) -> None:
    """An alarm about a series that is not there never rises."""
    told = served(tmp_path)
    rules = exprs(yaml.safe_load(ALERTS.read_text(encoding="utf-8")))
    counts.PAUSES.expect("deliver-0")
    assert len(rules) > 10
    for one in series("\n".join(rules)):
        name, _, labels = one.partition("{")
        found = [line for line in told.splitlines() if re.match(rf"{name}(?:\{{| )", line)]
        wanted = re.findall(r'(\w+)=~?"([^"]*)"', labels)
        fits = [line for line in found if all(re.search(f'{key}="(?:{value})"', line) for key, value in wanted)]
        assert fits or one.startswith(LATER) or one == "mailbot_loop_failures_total", one


def test_dashboard_and_alarms_know_what_is_told(tmp_path: Path) -> None:
    """Each name exists, and each metric of ours is on the dashboard."""
    known = families(served(tmp_path))
    shown, alarmed = ({name.partition("{")[0] for name in series("\n".join(exprs(found)))} for found in (BOARD, RULES))

    assert {family(name) for name in shown | alarmed} <= known
    assert known - {family(name) for name in shown} == set()
    assert {"ailing", "tickets_late", "messages_refused", "imap_poll_age_seconds"} <= {family(n) for n in alarmed}


def test_promtool_takes_the_alarms_and_they_rise_when_they_should() -> None:
    for what in (("check", "rules", str(ALERTS)), ("test", "rules", str(ALERTS.with_name("alerts.test.yaml")))):
        done = subprocess.run([program("promtool"), *what], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_to_mend_in_the_metrics(tmp_path: Path) -> None:
    told = served(tmp_path, exposition.generate_latest)
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=60, check=False)
    words = "mailbot_mails_refused_us metric names should not contain abbreviated units\n"  # it takes us for µs
    assert done.stdout + done.stderr == words


def test_each_alarm_of_the_file_is_explained() -> None:
    names = {rule["alert"] for group in RULES["groups"] for rule in group["rules"]}
    assert all(rule["annotations"]["summary"] for group in RULES["groups"] for rule in group["rules"])
    assert set(re.findall(r"`(Mailbot\w+)`", PAGE)) <= names


def test_the_unit_does_not_start_again_what_cannot_run_and_has_descriptors() -> None:
    assert "RestartPreventExitStatus=78\n" in UNIT
    (limit,) = re.findall(r"^LimitNOFILE=(\d+)$", UNIT, re.MULTILINE)
    assert int(limit) >= 4096
