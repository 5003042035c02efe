"""Settings that cannot be meant: each mistake with its section, its key and the mend."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import date

from mailbot.config.mail import AuthenticationSettings, BreakerSettings, HelpdeskSettings, ListenerSettings
from mailbot.config.office import AccountsSettings, CsdSettings
from mailbot.config.sections import DatabaseSettings, Settings
from mailbot.config.web import ANY, ApiSettings

_TLS_OR_HERE = r"https://[^/?#]|http://(127\.0\.0\.1|localhost|\[::1\])(?![^:/])"
_POSITIVE = {
    "connections",
    "connections_per_client",
    "request_seconds",
    "max_connections",
    "idle_seconds",
    "data_seconds",
    "idle_minutes",
    "absolute_hours",
    "lock_after",
    "invite_hours",
    "attempts_per_minute",
    "refresh_seconds",
    "upload_mb",
}


_CEILINGS = {
    "strangers_per_hour": 2_000,
    "strangers_per_day": 20_000,
    "correspondents_per_hour": 5_000,
    "correspondents_per_day": 50_000,
    "logins_per_hour": 100_000,
    "logins_per_day": 1_000_000,
}


def contradictions(settings: Settings, where: str) -> list[str]:
    found = _risky_tags(settings.helpdesk, where)
    found += [f"{where}: [authentication] {mistake}" for mistake in _mx_mistakes(settings.authentication)]
    found += _of_the_intake(settings, where)
    found += [
        f"{where}: [spam] marks: {mark!r} names no field and value; mend: write X-Spam-Flag: YES"
        for mark in settings.spam.marks
        if not re.fullmatch(r"[A-Za-z0-9-]+\s*:\s*\S.*", mark) or not re.search(r"[A-Za-z0-9]", mark.partition(":")[2])
    ]
    if settings.imap.tls == "plain" and settings.imap.host not in ("", "127.0.0.1", "::1", "localhost"):
        found.append(f"{where}: [imap] tls: plain is for loopback only; mend: imaps or starttls")
    found += [f"{where}: {mistake}" for mistake in _of_the_logins(settings)]
    found += _endless(settings.database, where)
    found += [f"{where}: [accounts] {mistake}" for mistake in _of_the_registry(settings.accounts)]
    if settings.refusal.delay_max_minutes < settings.refusal.delay_min_minutes:
        found.append(f"{where}: [refusal] delay_max_minutes: less than delay_min_minutes; mend: swap them")
    found += _of_case_b(settings, where)
    found += _of_the_breaker(settings.breaker, where)
    if settings.signatures.workers < 1 or settings.signatures.deadline_seconds <= 0:
        found.append(f"{where}: [signatures] workers: one and some seconds are the least; mend: leave the defaults")
    found += [
        f'{where}: [trust] territories: {territory!r} is no state; mend: two capitals, or "all"'
        for territory in settings.trust.territories
        if not re.fullmatch("[A-Z]{2}|all", territory)
    ]
    if settings.worker.deadline_seconds <= 0 or settings.worker.memory_mb < 500:
        found.append(f"{where}: [worker] memory_mb: some seconds and 500 are the least; mend: leave the defaults")
    if settings.rules.reload_seconds < 0:
        found.append(f"{where}: [rules] reload_seconds: is negative; mend: write 5, or 0 for never")
    found += [
        f"{where}: [{section.name}] {name}: must be more than 0; mend: leave the default"
        for section in fields(settings)
        for name in _POSITIVE & {f.name for f in fields(getattr(settings, section.name))}
        if getattr(getattr(settings, section.name), name) <= 0
    ]
    networks = [("[web] metrics", settings.web.metrics)]
    networks += [(f"[{n}] trusted_proxy", getattr(settings, n).trusted_proxy) for n in ("web", "console", "api")]
    found += [
        f'{where}: {name}: {one!r} is no network; mend: ["127.0.0.0/8", "10.1.2.3/32"]'
        for name, several in networks
        for one in several
        if not _is_network(one) and not (name.endswith("proxy") and one == ANY)
    ]
    found += [f"{where}: {mistake}" for mistake in _of_the_console(settings)]
    found += [f"{where}: {mistake}" for mistake in _of_the_api(settings.api)]
    found += [f"{where}: [csd] {mistake}" for mistake in _of_csd(settings.csd)]
    found += [f"{where}: [scanner] {mistake}" for mistake in _of_the_scanner(settings)]
    for name in ("smtp", "lmtp"):
        listener: ListenerSettings = getattr(settings, name)
        if bool(listener.tls_certificate) != bool(listener.tls_key):
            found.append(f"{where}: [{name}] tls_key: goes with tls_certificate; mend: set both or none")
    return found


def _risky_tags(helpdesk: HelpdeskSettings, where: str) -> list[str]:
    return [
        f"{where}: [helpdesk] subject_tags: {tag!r} could begin a citizen's own subject; "
        'mend: with its brackets or colon, as the gateway writes it: "[EXTERNAL]"'
        for tag in helpdesk.subject_tags
        if len(tag) < 3 or (tag[0].isalnum() and tag[-1].isalnum())
    ]


def _mx_mistakes(mx: AuthenticationSettings) -> Iterator[str]:
    """What would believe a sender, or nobody at all."""
    if mx.placement == "below" and not mx.strips_foreign:
        yield (
            "placement: below the line of our MX a sender's own field looks like ours; mend: see that the MX removes "
            "such fields and write strips_foreign = true, or have it write above and leave placement out (docs/mx.md)"
        )
    if "none" in mx.authserv_ids and not mx.received_by:
        yield 'authserv_id: "none" names no host; mend: name them in received_by (docs/mx.md)'
    for pattern in mx.received_by:
        if not re.search(r"[A-Za-z0-9]", pattern):
            yield f'received_by: {pattern!r} is every host, a sender\'s too; mend: name ours, as "*.mx.urzad.example"'


def _endless(database: DatabaseSettings, where: str) -> list[str]:
    return [
        f"{where}: [database] {name}: less than a second; mend: leave the default, {value}"
        for name, value in asdict(DatabaseSettings()).items()
        if name.endswith("_seconds") and getattr(database, name) < 1
    ]


def _of_case_b(settings: Settings, where: str) -> list[str]:
    found = []
    if not 0 <= settings.case_b.hold_hours < settings.tickets.promise_hours:
        found.append(f"{where}: [case_b] hold_hours: not within tickets.promise_hours; mend: write 4")
    if not 0 <= settings.case_b.latecomers_minutes <= 600:
        found.append(f"{where}: [case_b] latecomers_minutes: not within ten hours; mend: write 70")
    return found


def _of_the_intake(settings: Settings, where: str) -> list[str]:
    found = []
    if settings.imap.since and not _is_day(settings.imap.since):
        found.append(f"{where}: [imap] since: {settings.imap.since!r} is no day; mend: write 2026-11-01")
    if not 1 <= settings.intake.oldest_days <= 36_500:
        found.append(f"{where}: [intake] oldest_days: not a number of days; mend: write 7")
    return found


def _of_the_console(settings: Settings) -> Iterator[str]:
    console, oidc = settings.console, settings.oidc
    if console.public_url.startswith("https:") and not console.behind_tls:
        yield "[console] behind_tls: public_url is https; mend: behind_tls = true"
    if not re.match(_TLS_OR_HERE, console.public_url):
        yield "[console] public_url: passwords would go over the wire in clear; mend: https://…, through a proxy"
    if oidc.issuer and not re.match(_TLS_OR_HERE, oidc.issuer):
        yield "[oidc] issuer: is no address with TLS; mend: https://…, exactly as the provider writes it"
    if oidc.issuer and not oidc.client_id:
        yield "[oidc] client_id: is missing; mend: register this console with the provider"
    if settings.audit.head_minutes < 0:
        yield "[audit] head_minutes: is negative; mend: write 60, or 0 for never"


def _of_the_api(api: ApiSettings) -> Iterator[str]:
    host = api.listen.rpartition(":")[0].strip("[]")
    if api.listen and not api.behind_tls and host not in ("127.0.0.1", "::1", "localhost"):
        yield "[api] listen: tokens would go over the wire in clear; mend: 127.0.0.1, or a proxy with behind_tls = true"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _of_the_registry(accounts: AccountsSettings) -> Iterator[str]:
    if accounts.source != "scim":
        return
    if not re.fullmatch(r"https://[^/?#@\s]+[^?#\s]*", accounts.url):
        yield "url: is no address with TLS; mend: https://…, up to what stands before /Users"
    if not accounts.token_file and not accounts.certificate:
        yield "token_file: is missing; mend: name the file of the token, or set certificate and key"
    if bool(accounts.certificate) != bool(accounts.key):
        yield "certificate: goes with key; mend: set both or none"
    if not 0 < accounts.timeout_seconds <= 30:
        yield "timeout_seconds: is not between 0 and 30; mend: leave the default"


def _of_csd(csd: CsdSettings) -> Iterator[str]:
    if csd.url and not re.match(_TLS_OR_HERE, csd.url):
        yield "url: events would go over the wire in clear; mend: https://…"
    if csd.url and not csd.secrets_file:
        yield "secrets_file: is missing; mend: the file with the secret that CSD knows, one whsec_… a line"
    if not 0 < csd.timeout_seconds <= 60:
        yield "timeout_seconds: not within a minute; mend: write 10"


def _of_the_scanner(settings: Settings) -> Iterator[str]:
    address, seconds = settings.scanner.address, settings.scanner.timeout_seconds
    port = re.fullmatch(r"(?:[^\s:/]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", address)
    if address and not re.fullmatch(r"unix:/\S+", address) and not (port and 0 < int(port[1]) < 65536):
        yield f"address: {address!r} is none; mend: unix:/run/clamav/clamd.ctl, or 127.0.0.1:3310"
    if not 0 < seconds <= settings.worker.lease_seconds / 8:
        yield "timeout_seconds: not within an eighth of worker.lease_seconds; mend: write 15, or less"


def _of_the_logins(settings: Settings) -> Iterator[str]:
    imap, delivery, oauth = settings.imap, settings.delivery, settings.oauth
    if imap.host and not (imap.user and (imap.password_file or imap.token_file or oauth.token_url)):
        yield "[imap] user: it, or its secret, is missing; mend: set user and password_file (or token_file, or [oauth])"
    if not oauth.token_url:
        return
    if not re.match(_TLS_OR_HERE, oauth.token_url):
        yield "[oauth] token_url: the secret would go over the wire in clear; mend: https://…"
    if not oauth.client_id:
        yield "[oauth] client_id: is missing; mend: register this client with the provider"
    if oauth.grant == "refresh_token" and not oauth.refresh_token_file:
        yield '[oauth] refresh_token_file: is missing; mend: name the file, or write grant = "client_credentials"'
    if oauth.grant == "client_credentials" and not oauth.client_secret_file:
        yield '[oauth] client_secret_file: is missing; mend: name the file, or write grant = "refresh_token"'
    if oauth.secret_expires and not _is_day(oauth.secret_expires):
        yield f"[oauth] secret_expires: {oauth.secret_expires!r} is no day; mend: write 2027-11-30"
    by_token = delivery.user and not delivery.password_file
    if by_token and delivery.tls == "plain" and delivery.host not in ("127.0.0.1", "::1", "localhost"):
        yield "[delivery] tls: the token would go over the wire in clear; mend: starttls or tls"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _of_the_breaker(settings: BreakerSettings, where: str) -> list[str]:
    return [
        f"{where}: [breaker] {name}: {getattr(settings, name)} is not from 1 to {most}; mend: a breaker cannot be "
        "switched off"
        for name, most in _CEILINGS.items()
        if not 1 <= getattr(settings, name) <= most
    ]
