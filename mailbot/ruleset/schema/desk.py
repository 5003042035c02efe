"""The schemas of the files that say how the desk works: services, clocks, limits, breaks, signatures."""

from __future__ import annotations

from dataclasses import asdict

from mailbot.ruleset import calendar, limits, notices, retention, services, signatures
from mailbot.ruleset.schema.parts import CATEGORY, DAY, HOUR, NAME, Schema, entries, pick, several, sourced, text, whole


def services_file() -> Schema:
    """The schema of rules/services.yaml."""
    csd = entries(
        "where it stands in the portal CSD",
        {"service": text("its service")},
        {"classification": text("the road below it")},
    )
    known = {
        "name": text("small letters, digits and -", pattern=NAME, maxLength=40),
        "titles": several("as citizens write it in the subject", text("a whole title")),
        "categories": several(
            "its tickets; the first is that of a mail that names it",
            text("a name of categories.yaml", pattern=CATEGORY),
            1,
        ),
        "kind": {"enum": list(services.KINDS), "description": "the clocks of a wniosek stand still during a break"},
        "phone": sourced("the telephone its mails name", text("a name under phones of contacts.yaml")),
        "standard_hours": sourced("clock hours for what needs no specialist", whole("hours", 1, services.MOST_HOURS)),
        "specialist_days": sourced("working days for what does", whole("days", 1, services.MOST_DAYS)),
    }
    service = entries("a service", pick(services.REQUIRED, known), {"csd": csd})
    return entries("the service catalogue", {"services": several("the services", service, 1)})


def calendar_file() -> Schema:
    """The schema of rules/calendar.yaml."""
    hour = text("HH:MM in quotes, in Warsaw", pattern=HOUR)
    off = entries("a day", {"day": text("YYYY-MM-DD", pattern=DAY), "reason": text("why it is off")})
    known = {
        "opens": sourced("when specialists begin to work", hour),
        "closes": sourced("when they end", hour),
        "extra_days_off": several("days off beside the public holidays", off),
        "complaint_days": sourced("days for a complaint", whole("days", 1, calendar.MOST_COMPLAINT_DAYS)),
        "complaint_moves": sourced("does a last day off move on (KPA art. 57 § 4)", {"enum": ["yes", "no"]}),
        "reply_days": whole("days a citizen has to answer a question of ours", 1, calendar.MOST_REPLY_DAYS),
        "warn_hours": whole("hours before a promise is broken that an alarm is raised", 1, calendar.MOST_WARN_HOURS),
    }
    return entries("the clocks that are the same for every service", pick(calendar.KEYS, known))


def limits_file() -> Schema:
    """The schema of rules/limits.yaml."""
    about = {
        "per_sender": "mails of one address",
        "per_domain": "mails of one domain with its subdomains",
        "failures": "generic refusals of one sender, or about one login",
        "unvouched": "answers of the whole installation to senders for whom nothing vouches",
        "answers": "mails of one sender that were answered",
    }
    known = {}
    for key, bounds in limits.BOUNDS.items():
        mails = whole("at most so many", 1, bounds.most_mails)
        hours = whole("within so many hours", bounds.least_hours, bounds.most_hours)
        more = (
            {"exempt": several("mail providers that anybody may use", text("a domain"))} if key == "per_domain" else {}
        )
        known[key] = entries(about[key], {"mails": mails, "hours": hours, **more})
    later = {key: known.pop(key) for key in known.keys() - limits.DEMANDED}
    spans = {"hour": "within an hour", "day": "within 24 hours", "week": "within 168 hours"}
    ladders = {
        name: entries(f"of one {name}", {span: whole(spans[span], 1, most) for span, most in asdict(ceilings).items()})
        for name, ceilings in limits.LADDERS.items()
    }
    later["ladder"] = entries("mails that leave by themselves, whatever the rules say", ladders)
    return entries("how much is decided by a machine", known, later)


def retention_file() -> Schema:
    """The schema of rules/retention.yaml."""
    known = {key: whole(of.about, of.least, retention.MOST_DAYS) for key, of in retention.CLASSES.items()}
    return entries("after how many days what is erased", {}, known)


def notices_file() -> Schema:
    """The schema of rules/notices.yaml."""
    day, hour = text("YYYY-MM-DD", pattern=DAY), text("HH:MM in quotes, in Warsaw", pattern=HOUR)
    window = entries("a break", {"day": day, "from": hour, "to": hour}, {"until_day": day})
    known = {
        "name": text("its name", pattern="^[a-z0-9-]{1,20}$"),
        "state": {"enum": list(notices.STATES), "description": "only a published one counts"},
        "published": day,
        "system": text("what will not work"),
        "title": text("as the KOMUNIKAT calls it"),
        "windows": several("when", window, 1),
        "source": text("where it was taken from"),
    }
    return several("breaks of a service that citizens are told of", entries("a notice", pick(notices.KEYS, known)))


def signatures_file() -> Schema:
    """The schema of rules/signatures.yaml."""
    known = {
        "accept": several("kinds that count", {"enum": list(signatures.ACCEPTABLE)}, 1),
        "seal": entries(
            "whose seal makes podpis zaufany",
            {
                "organizations": several("identifiers", text("as VATPL-5252955037"), 1),
                "common_names": several("whole names", text("at most one * for any text"), 1),
            },
        ),
        "revocation_max_age_hours": whole("how old what is known of revocations may be", 1, 168),
        "signed_max_age_days": whole("how long ago a signature may have been made", 1, 366),
        "crl_urls": several("more lists of revoked certificates", text("http or https")),
    }
    return entries("which signatures count", pick(signatures.KEYS, known))
