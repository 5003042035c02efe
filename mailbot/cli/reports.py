"""Findings as text for people, as JSON lines, and as SARIF 2.1.0 (OASIS) for code review and editors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import click

from mailbot import __version__
from mailbot.ruleset.findings import CODES, Finding

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_text(findings: Sequence[Finding]) -> None:
    """One line each."""
    for finding in findings:
        click.echo(str(finding))


def as_json(findings: Sequence[Finding]) -> None:
    """One object a line."""
    for finding in findings:
        click.echo(json.dumps({"mistake": str(finding), **asdict(finding)}, ensure_ascii=False))


def as_sarif(findings: Sequence[Finding]) -> None:
    """One document."""
    click.echo(json.dumps(sarif(findings), ensure_ascii=False, indent=2))


def sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """The log of one run."""
    codes = list(CODES)
    driver = {
        "name": "mailbot rules check",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": text}} for code, text in CODES.items()],
    }
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": finding.level.value,
            "message": {"text": f"{finding.text}; mend: {finding.mend}"},
            "locations": [{"physicalLocation": _place(finding)}],
        }
        for finding in findings
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _place(finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.line}
    if finding.column:
        region["startColumn"] = finding.column
    return {"artifactLocation": {"uri": quote(finding.file)}, "region": region}


FORMATS: Mapping[str, Callable[[Sequence[Finding]], None]] = {"text": as_text, "json": as_json, "sarif": as_sarif}
