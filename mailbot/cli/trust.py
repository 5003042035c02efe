"""``mailbot trust``: whose certificates count, and fresh lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.errors import ConfigError
from mailbot.service import places

if TYPE_CHECKING:
    from mailbot.signatures.trust.store import TrustStore

directory = click.option(
    "--trust",
    "given",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of lists, anchors and CRLs; default: directory of [trust].",
)


@click.group(cls=Group)
def trust() -> None:
    """Trusted lists, anchors and revocation data (docs/trust.md)."""


@trust.command()
@directory
@options.config
@click.option("--at", type=options.Moment(), help="What was trusted at that moment; default: now.")
@options.as_json
def show(given: Path | None, config_file: Path | None, at: datetime | None, as_json: bool) -> None:
    """Print what is trusted, since when, until when. Exit code 1 when something is wrong, overdue or missing."""
    from mailbot.signatures.trust import store  # not for --help

    moment = at or datetime.now(UTC)
    snapshot = store.load(_folder(given, config_file), moment).complete()
    for row in _rows(snapshot, moment):
        options.line(row) if as_json else click.echo(_plain(row))
    if snapshot.problems or snapshot.stale_lists(moment):
        raise SystemExit(1)


@trust.command()
@directory
@options.config
@options.as_json
def update(given: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Download lists and CRLs, each only if it is authentic. Exit code 75 when a source did not answer, else 1."""
    from mailbot.ruleset import loader
    from mailbot.signatures.trust import refresh

    settings = places.settings(config_file)
    rules = loader.load(places.rules_directory(settings.rules.directory)).signatures
    folder = _folder(given, config_file)
    try:
        wanted, now = settings.trust, datetime.now(UTC)
        steps = refresh.update(folder, wanted.lotl_url, rules.crl_urls, now, territories=wanted.territories)
    except OSError as error:
        raise ConfigError(
            f"{folder}: {error}; mend: run it as the user who owns the folder, on a disk with room"
        ) from error
    for step in steps:
        row = {"file": step.file, "url": step.url, "ok": step.failure is None, "told": step.told}
        options.line(row) if as_json else click.echo(f"{step.file}: {step.told}")
    failures = [step.failure for step in steps if step.failure is not None]
    if failures:
        raise SystemExit(75 if any(failure.temporary for failure in failures) else 1)


def _folder(given: Path | None, config_file: Path | None) -> Path:
    configured = given or places.settings(config_file).trust.directory
    if not configured:
        raise ConfigError("[trust] directory: is empty; mend: set it, or give --trust DIR")
    return Path(configured)


def _rows(snapshot: TrustStore, at: datetime) -> Iterator[dict[str, Any]]:
    for info in snapshot.lists:
        yield {
            "what": "list",
            "name": info.territory,
            "number": info.sequence,
            "since": info.issued,
            "until": info.next_update,
            "in_force": not info.stale(at),
        }
    for anchor in sorted(snapshot.anchors, key=lambda a: (sorted(a.roles), a.service, a.since)):
        yield {
            "what": "anchor",
            "name": anchor.service,
            "roles": sorted(anchor.roles),
            "since": anchor.since,
            "until": anchor.until,
            "in_force": anchor.granted(at),
            "source": anchor.source,
        }
    for name, crl in snapshot.revocation.crls.items():
        yield {
            "what": "crl",
            "name": crl.issuer.rfc4514_string(),
            "revoked": len(crl),
            "since": crl.last_update_utc,
            "until": crl.next_update_utc,
            "in_force": crl.next_update_utc is not None and crl.last_update_utc <= at <= crl.next_update_utc,
            "source": f"revocation/{name}",
        }
    yield from ({"what": "problem", "name": problem} for problem in snapshot.problems)


def _plain(row: dict[str, Any]) -> str:
    if row["what"] == "problem":
        return f"PROBLEM  {row['name']}"
    until = f"{row['until']:%Y-%m-%d %H:%M}" if row["until"] else "further notice"
    mark = "" if row["in_force"] else "  NOT IN FORCE"
    number = f"number {row['number']}" if "number" in row else ""
    more = [", ".join(row.get("roles", ())), number, row.get("source", "")]
    rest = "  ".join(text for text in more if text)
    return f"{row['what']:<7}  {row['since']:%Y-%m-%d %H:%M} – {until}  {row['name']}  [{rest}]{mark}"
