"""Do the settings describe the MX that recent mail came by? Pure; tells places and host names of our side only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from mailbot.config import AuthenticationSettings
from mailbot.model import Header
from mailbot.sender import chain, received
from mailbot.sender.alignment import ascii_domain, organisational_domain
from mailbot.sender.results import parse

SurveyedMail = tuple[Sequence[Header], str | None]
"""Header fields, and the reverse-path where the delivery told it."""

_NEARLY_ALL = 0.9
"""Share of the mails that a proposal must fit: a sender writes what he likes, but not into everybody's mail."""
_HOPS_MAX = 5
_OURS = re.compile(
    r"\[?(?:10|127|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.|(?=.*\d)(?=.*[a-z:])[0-9a-z:]{6,}$", re.IGNORECASE
)
_ADDRESS = re.compile(r"\[.*\]|[\d.]+|.*:.*")
_HOST = re.compile(r"\[?[a-z0-9_.:-]+\]?")


@dataclass(frozen=True, slots=True)
class Survey:
    """What ``count`` mails say about the settings."""

    count: int
    counting: int
    """Mails in which a field of our MX counts."""
    reasons: tuple[tuple[str, int], ...]
    """Why none does in the others, the commonest first."""
    without_edge: int
    """Mails whose fields count though no Received line of ours stands below them."""
    unattested: int
    """Mails that came over an inner host of ours that does not tell whom it had them from."""
    proposal: AuthenticationSettings | None
    """Settings under which a field counts in nearly all of them; None: the ones there are do, or there are none."""


def survey(mails: Sequence[SurveyedMail], settings: AuthenticationSettings) -> Survey:
    """Read ``mails`` under ``settings``, and under whatever else they themselves suggest."""
    readings = [chain.read(headers, settings, mail_from) for headers, mail_from in mails]
    counting = sum(bool(r.counted) for r in readings)
    return Survey(
        count=len(mails),
        counting=counting,
        reasons=tuple(Counter(r.why for r in readings if not r.counted).most_common()),
        without_edge=sum(bool(r.counted) and r.edge is None for r in readings),
        unattested=sum(bool(r.unattested) for r in readings),
        proposal=None if counting >= _NEARLY_ALL * len(mails) else _proposal(mails, settings),
    )


def broad(settings: AuthenticationSettings) -> tuple[str, ...]:
    """The patterns of ``received_by`` that a stranger's host can bear as well: neither does a domain of two labels end
    them, nor a private address, a container's number or a prefix of IPv6 begin them."""
    return tuple(
        pattern
        for pattern in settings.received_by
        if re.search(r"[*?]", pattern)
        and not re.search(r"\.[^.*?]+\.[^.*?]+$", pattern)
        and not _OURS.match(re.split(r"[*?]", pattern)[0])
    )


def lines(settings: AuthenticationSettings) -> str:
    """``settings`` as they stand in mailbot.toml, without what is the default."""
    keys = {"authserv_id": f'"{settings.authserv_ids[0]}"'}
    if settings.received_by:
        keys["received_by"] = str(list(settings.received_by)).replace("'", '"')
    if settings.placement == "below":
        keys |= {"placement": '"below"', "strips_foreign": "true"}
    return "\n".join(["[authentication]", *(f"{key} = {value}" for key, value in keys.items())])


def _proposal(mails: Sequence[SurveyedMail], settings: AuthenticationSettings) -> AuthenticationSettings | None:
    """The settings under which most mails count; of equals, the one that trusts least."""
    seen = Counter(candidate for headers, _ in mails for candidate in set(_candidates(headers)))
    tried: dict[AuthenticationSettings, int] = {}
    for (authserv_id, path, below), _ in islice(seen.most_common(), 20):
        described = replace(
            settings,
            authserv_id=authserv_id,
            received_by=() if path == (authserv_id,) else path,
            placement="below" if below else "above",
            strips_foreign=below,
        )
        tried[described] = sum(bool(chain.read(headers, described, m).counted) for headers, m in mails)
    best = max(tried, key=lambda s: (tried[s], s.placement == "above", -len(s.received_by)), default=None)
    return best if best is not None and tried[best] >= _NEARLY_ALL * len(mails) else None


def _candidates(headers: Sequence[Header]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """authserv-id, hosts from the top to the edge, and whether the field stands under the edge line.

    Only hosts of the organisation that wrote the topmost line: whoever else wrote a field is not ours.
    """
    path: list[str] = []
    fields: list[tuple[str, int]] = []
    for header in headers:
        name = header.name.lower()
        if name == "received":
            path.append(received.parse(header.value).by)
            if len(path) > _HOPS_MAX or not _HOST.fullmatch(path[-1]):
                break
        elif name == "authentication-results":
            fields.append((parse(header.value).authserv_id.partition("/")[0], len(path)))
    for authserv_id, place in fields:
        for below, edge in ((False, place + 1), (True, place)):
            hosts = tuple(path[:edge])
            if len(hosts) == edge > 0 and _HOST.fullmatch(authserv_id) and _of_one(authserv_id, *hosts):
                yield authserv_id, _merged(hosts), below


def _merged(hosts: Sequence[str]) -> tuple[str, ...]:
    """One entry stands for several lines in a row."""
    return tuple(host for i, host in enumerate(hosts) if i == 0 or hosts[i - 1] != host)


def _of_one(*names: str) -> bool:
    """Do all names that are domains belong to one organisation, and is the first such a name?"""
    domains = [ascii_domain(name) for name in names if not _ADDRESS.fullmatch(name)]
    return (
        bool(domains)
        and domains[0] is not None
        and len({organisational_domain(d) for d in domains if d is not None}) == 1
    )


def faults(found: Survey, settings: AuthenticationSettings) -> tuple[str, ...]:
    """What is wrong with the settings, going by recent mail."""
    wrong = []
    if patterns := broad(settings):
        wrong.append(f"received_by: hosts of others bear such names too, and their fields would count: {patterns}")
    if found.without_edge:
        wrong.append(
            f"in {found.without_edge} of the last {found.count} mails the field that counts has no Received line of our"
            " MX below it, so nothing shows that it wrote that: name the host in received_by"
        )
    described = bool(settings.authserv_ids) or settings.missing == "none"
    if found.proposal or (described and found.counting * 2 < found.count):
        why, times = found.reasons[0]
        wrong.append(
            f"in {found.count - found.counting} of the last {found.count} mails no field counts; {times}: {why}"
        )
    return tuple(wrong)
