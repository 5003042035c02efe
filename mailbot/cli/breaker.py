"""``mailbot breaker``: what was stopped because too much left by itself, and letting it go."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from mailbot.audit import chain
from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.errors import PermanentError
from mailbot.observe import log_event, utc_now
from mailbot.service import compose
from mailbot.storage.engine import transaction
from mailbot.storage.reading import read_only
from mailbot.tickets import breaker as breakers
from mailbot.tickets.breaker import BreakerStatus, Reach

_REACHES = click.Choice([reach.value for reach in Reach])


@click.group(cls=Group)
def breaker() -> None:
    """What leaves by itself, and what was stopped because it was too much."""


@breaker.command()
@options.config
@options.as_json
def show(config_file: Path | None, as_json: bool) -> None:
    """For each kind of recipient: how much left, against its bounds, and whether it was stopped."""
    settings, now = compose.settings(config_file), utc_now()
    with read_only(settings.database.url) as connection:
        found = breakers.status(connection, now)
    bounds = breakers.bounds(settings.breaker)
    for one in found:
        if as_json:
            hour, day = bounds[one.reach]
            options.line({**asdict(one), "per_hour": hour, "per_day": day})
        else:
            click.echo(_told(one, *bounds[one.reach]))


def _told(one: BreakerStatus, hour: int, day: int) -> str:
    left = f"{one.last_hour} of {hour} in this hour, {one.last_day} of {day} in 24 h, {one.waiting} wait"
    if one.tripped_at is None:
        return f"{one.reach.value}: {left}"
    return f"{one.reach.value}: TRIPPED since {one.tripped_at:%Y-%m-%d %H:%M:%S}Z; {left}"


@breaker.command()
@click.option("--reason", required=True, help="Why; it stands in the database and, as a digest, in the audit chain.")
@click.option("--only", "reaches", type=_REACHES, multiple=True, help="Only these; may be repeated. Default: all.")
@options.config
def lift(reason: str, reaches: tuple[str, ...], config_file: Path | None) -> None:
    """Let what was stopped leave again, up to the same bounds: end the tickets of a flood before."""
    if not reason.strip():
        raise click.UsageError("--reason is empty; mend: say why")
    chosen = [Reach(reach) for reach in reaches] or list(Reach)
    actor = chain.shell(options.user())
    try:
        with transaction(compose.settings(config_file).database.url) as connection:
            lifted = breakers.lift(connection, chosen, actor, reason, utc_now())
    except PermanentError as error:
        raise click.ClickException(error.reason) from error
    options.logs()
    for reach in lifted:
        log_event("breaker-lifted", reach=reach.value, by=actor)
        click.echo(f"{reach.value}: lifted")
