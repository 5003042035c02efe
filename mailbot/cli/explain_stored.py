"""``mailbot explain --queue`` and ``--ticket``: how messages of the database were decided, as it was recorded then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from mailbot.cli import explain_text, options
from mailbot.config import Settings
from mailbot.errors import RulesError
from mailbot.ruleset import loader
from mailbot.service import compose
from mailbot.trial import recorded


def show(
    settings: Settings, queue: Sequence[int], zgl: str | None, language: str, *, again: bool, as_json: bool
) -> None:
    """Print the decisions about rows ``queue`` of the inbox, or about every message of ticket ``zgl``."""
    reports = recorded.reports(settings, queue, zgl, again=again)
    titles = _titles(settings)
    missing = set(queue) - {report["inbox"] for report in reports}
    if missing or not reports:
        what = ", ".join(map(str, sorted(missing))) or zgl
        raise click.ClickException(f"{what}: no decision about it; mend: mailbot queue ls shows what waits")
    for report in reports:
        if as_json:
            options.line(report)
        else:
            _print(report, titles, language)


def _titles(settings: Settings) -> dict[str, str]:
    """Rule → title; none while the rule set is wrong: what was decided is told all the same."""
    try:
        rules = loader.load(compose.rules_directory(settings.rules.directory)).rules
    except RulesError:
        return {}
    return {rule.name: rule.title for rule in rules}


def _print(report: Mapping[str, Any], titles: Mapping[str, str], language: str) -> None:
    words = explain_text.WORDS[language]
    head = {
        "inbox": report["inbox"],
        "ticket": report["ticket"] or words["no-ticket"],
        "decided_at": f"{report['decided_at']:%Y-%m-%d %H:%M}Z",
        "ruleset": report["ruleset"][:12],
    }
    click.secho(words["decided"].format(**head), bold=True)
    for line in explain_text.told(report, report["subject"], titles, language):
        click.echo(line)
    for line in (report["text"] or "").splitlines():
        click.echo(f"  > {explain_text.visible(line)}")
    now = report.get("again")
    if now is not None:
        click.echo(explain_text.compared(report, now, language))
