"""``mailbot doctor`` looks at the REST API: that somebody may ask it, and will still tomorrow."""

from __future__ import annotations

from datetime import timedelta

from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.observe import utc_now
from mailbot.operators import tokens
from mailbot.storage.reading import has_table, missing_file, read_only
from mailbot.storage.tokens import api_token

SOON = timedelta(days=14)


def look(settings: Settings) -> str:
    """What is there. Raises ConfigError when no token opens anything, or one in use is about to end."""
    if missing_file(settings.database.url) is not None:
        return "no database yet"
    with read_only(settings.database.url) as connection:
        rows = tokens.everything(connection) if has_table(connection, api_token.name) else ()
    now = utc_now()
    alive = [row for row in rows if row["revoked_at"] is None and row["expires_at"] > now]
    if not alive:
        raise ConfigError("no token opens it: whoever asks hears 401")
    ending = [row for row in alive if row["expires_at"] - now < SOON]
    if ending:
        told = ", ".join(f"{row['name']} on {row['expires_at']:%Y-%m-%d}" for row in ending)
        raise ConfigError(f"tokens end soon: {told}")
    return f"{settings.api.listen}: {len(alive)} tokens, none ends within {SOON.days} days"
