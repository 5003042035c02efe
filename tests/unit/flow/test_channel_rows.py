"""Rows 6 to 16 of the decision table (procedure §3.2): replies, NOWE, and what other mails are about.

The prototype says only TICKET_UPDATE or TOPIC of these; here every row says what becomes of the mail. What a mail is
about is handed in (request/topics.py has tests of its own); everything behind it is the program's.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from mailbot.flow import facts
from mailbot.flow.decision import decide
from mailbot.model import Account, Decision, Duplicate, State, SubjectClass, Thread
from mailbot.request.topics import NOTHING_SAID, TopicFacts
from tests.once import shipped
from tests.total_table import ACTIVE, BLOCKED, NOW, OF_TICKET, understanding

RULES = shipped()
NO_PROFILE = replace(ACTIVE, csd=False)
ACCOUNTS: dict[str, tuple[str, Account | None]] = {
    "profile": ("LOGIN", ACTIVE),
    "no profile": ("LOGIN", NO_PROFILE),
    "blocked": ("LOGIN_BLOCKED", BLOCKED),
    "nobody": ("NOT_LOGIN", None),
    "unproven login": ("NOAUTH_LOGIN", ACTIVE),
}
"""Who writes: sender of tests/total_table.py and the account he has."""


def about(**words: str) -> TopicFacts:
    """A reading with some facts said; a sure question is one of the shipped ones."""
    system = RULES.faqs[0] if words.get("faq", "none") != "none" else None
    answer = system.entries[0] if system and words["faq"] == "sure" else None
    return replace(NOTHING_SAID, **words, system=system, answer=answer)


def decided(who: str, subject: SubjectClass, reading: TopicFacts, thread: Thread | None = None) -> Decision:
    sender, account = ACCOUNTS[who]
    u = understanding((subject, sender, "NONE", "OK", "NONE", "NONE"))
    known = facts.HistoryFacts(thread=thread)
    gathered, defects = facts.gather(u, account if facts.login_to_ask(u) else None, Duplicate.NO, known, reading)
    category = facts.category(u, known, reading, RULES)
    return decide(gathered, defects, category, RULES, thread.state if thread and thread.own else None)


def told(decision: Decision) -> tuple[str, str, str, str, str]:
    assert decision.floor == ()
    return decision.outcome, decision.category, decision.state, decision.desk, " ".join(decision.mails)


# ------------------------------------------------------------------------------------------------ row 6: own tickets

CLOSED, OPEN, WAITING = State.ZAMKNIETE_ROZWIAZANE, State.W_TOKU, State.OCZEKUJE_NA_KLIENTA
REOPENED = ("PONOWNIE_OTWARTE", "II_LINIA", "T9")
ROW_6 = {
    # (state of the ticket, time for a complaint, topic): (outcome, category, state, desk, mails)
    (CLOSED, "in-time", "reklamacja"): ("COMPLAINT_OK", "REKLAMACJA", *REOPENED),
    (CLOSED, "in-time", "wyjasnienie"): ("COMPLAINT_OK", "WYJASNIENIE", *REOPENED),
    (CLOSED, "in-time", "none"): ("COMPLAINT_OK", "WYJASNIENIE", *REOPENED),
    (CLOSED, "in-time", "usuniecie-konta"): ("COMPLAINT_OK", "WYJASNIENIE", *REOPENED),
    (CLOSED, "in-time", "podziekowanie"): ("TICKET_UPDATE", OF_TICKET, CLOSED, "", ""),
    (CLOSED, "late", "reklamacja"): ("COMPLAINT_LATE", "REKLAMACJA", CLOSED, "", "T10"),
    (CLOSED, "late", "wyjasnienie"): ("COMPLAINT_LATE", "WYJASNIENIE", CLOSED, "", "T10"),
    (CLOSED, "late", "none"): ("COMPLAINT_LATE", "WYJASNIENIE", CLOSED, "", "T10"),
    (CLOSED, "late", "podziekowanie"): ("TICKET_UPDATE", OF_TICKET, CLOSED, "", ""),
    (CLOSED, "none", "reklamacja"): ("TICKET_UPDATE", OF_TICKET, "W_TOKU", "I_LINIA", ""),  # no answer has arrived yet
    (OPEN, "none", "none"): ("TICKET_UPDATE", OF_TICKET, OPEN, "", ""),
    (OPEN, "none", "reklamacja"): ("TICKET_UPDATE", OF_TICKET, OPEN, "", ""),
    (OPEN, "in-time", "none"): ("TICKET_UPDATE", OF_TICKET, OPEN, "", ""),
    (OPEN, "in-time", "reklamacja"): ("COMPLAINT_OK", "REKLAMACJA", *REOPENED),
    (OPEN, "late", "reklamacja"): ("COMPLAINT_LATE", "REKLAMACJA", OPEN, "", "T10"),
    (OPEN, "late", "none"): ("TICKET_UPDATE", OF_TICKET, OPEN, "", ""),
    (WAITING, "none", "none"): ("TICKET_UPDATE", OF_TICKET, "W_TOKU", "I_LINIA", ""),
    (WAITING, "late", "none"): ("TICKET_UPDATE", OF_TICKET, "W_TOKU", "I_LINIA", ""),
    (WAITING, "none", "podziekowanie"): ("TICKET_UPDATE", OF_TICKET, WAITING, "", ""),
}
UNTIL = {"none": None, "in-time": NOW, "late": NOW - timedelta(microseconds=1)}


@pytest.mark.parametrize("case", ROW_6, ids=lambda case: "-".join(case).lower())
@pytest.mark.parametrize("subject", [SubjectClass.ZGL, SubjectClass.OTHER])
@pytest.mark.parametrize("who", ["profile", "no profile", "blocked", "nobody"])
def test_answer_to_an_own_ticket(who: str, subject: SubjectClass, case: tuple[State, str, str]) -> None:
    state, complaint, topic = case
    thread = Thread(own=True, ticket_id=1, state=state, category=OF_TICKET, complaint_until=UNTIL[complaint])
    assert told(decided(who, subject, about(topic=topic), thread)) == ROW_6[case]


@pytest.mark.parametrize("topic", RULES.words["topic"])
@pytest.mark.parametrize("who", ACCOUNTS)
def test_somebody_elses_number_is_a_new_ticket_and_one_answer_for_all(who: str, topic: str) -> None:
    for subject in (SubjectClass.ZGL, SubjectClass.OTHER):
        found = decided(who, subject, about(topic=topic), Thread(own=False))
        assert told(found) == ("ZGL_FOREIGN", "OGOLNE", "ZAREJESTROWANE", "I_LINIA", "T1")


# -------------------------------------------------------------------------------------------------- rows 8 and 9: NOWE


@pytest.mark.parametrize("subject", [SubjectClass.NOWE, SubjectClass.NOWE_NEAR])
@pytest.mark.parametrize("who", ACCOUNTS)
def test_nowe(who: str, subject: SubjectClass) -> None:
    taken = ("NEW_OK", "OGOLNE", "ZAREJESTROWANE", "I_LINIA", "T8")
    more = ("MORE", "OGOLNE", "OCZEKUJE_NA_KLIENTA", "", "T6")
    assert told(decided(who, subject, NOTHING_SAID)) == (taken if who == "profile" else more)


@pytest.mark.parametrize("who", ACCOUNTS)
def test_the_english_word_asks_for_no_account(who: str) -> None:
    found = decided(who, SubjectClass.NOWE_NEAR, about(language="en"))
    assert told(found) == ("NEW_OK", "OGOLNE", "ZAREJESTROWANE", "I_LINIA", "T8")


def test_nowe_gets_the_category_of_its_matter() -> None:
    by_topic = decided("profile", SubjectClass.NOWE, about(topic="usuniecie-konta"))
    assert told(by_topic) == ("NEW_OK", "USUNIECIE_KONTA", "ZAREJESTROWANE", "I_LINIA", "T8")
    by_service = decided("profile", SubjectClass.NOWE, about(service="blad-uslugi"))
    assert told(by_service) == ("NEW_OK", "BLAD_USLUGI", "ZAREJESTROWANE", "I_LINIA", "T8")


# ------------------------------------------------------------------------------------------ rows 11 to 16: other mails

SAME_FOR_ALL = {
    "usuniecie-konta": ("DELETE_INFO", "USUNIECIE_KONTA", "ZAMKNIETE_ROZWIAZANE", "", "T11"),
    "haslo-samodzielne": ("SELF_SERVICE", "HASLO_SAMODZIELNE", "ZAMKNIETE_ROZWIAZANE", "", "T16"),
    "odblokowanie-logowania": ("SELF_SERVICE", "ODBLOKOWANIE_LOGOWANIA", "ZAMKNIETE_ROZWIAZANE", "", "T20"),
    "pesel-istnieje": ("PESEL_EXISTS", "PESEL_ISTNIEJE", "OCZEKUJE_NA_KLIENTA", "", "T17"),
    "zmiana-emaila": ("GENERAL", "ZMIANA_EMAILA", "ZAREJESTROWANE", "II_LINIA", "T8"),
    "podziekowanie": ("GENERAL", "OGOLNE", "ZAMKNIETE_BEZ_ZMIAN", "", ""),
    "several": ("REVIEW", "OGOLNE", "DO_WERYFIKACJI", "II_LINIA", "T1"),
}
"""Topic → what becomes of the mail, whoever wrote it."""


@pytest.mark.parametrize("topic", SAME_FOR_ALL)
@pytest.mark.parametrize("who", ACCOUNTS)
def test_a_matter_has_one_answer_for_all(who: str, topic: str) -> None:
    assert told(decided(who, SubjectClass.OTHER, about(topic=topic))) == SAME_FOR_ALL[topic]


@pytest.mark.parametrize("who", ACCOUNTS)
def test_questions(who: str) -> None:
    sure = decided(who, SubjectClass.OTHER, about(faq="sure"))
    assert told(sure) == ("FAQ", "FAQ_WROTA_CELNE", "ZAMKNIETE_ROZWIAZANE", "", "T13")
    person = ("REVIEW", "FAQ_WROTA_CELNE", "DO_WERYFIKACJI", "II_LINIA", "T1")
    assert told(decided(who, SubjectClass.OTHER, about(faq="unsure"))) == person


@pytest.mark.parametrize("topic", [*SAME_FOR_ALL, "reklamacja", "wyjasnienie"])
@pytest.mark.parametrize("faq", ["sure", "unsure"])
def test_a_question_beside_another_matter_is_for_a_person(topic: str, faq: str) -> None:
    found = decided("profile", SubjectClass.OTHER, about(topic=topic, faq=faq))
    assert (found.outcome, found.mails) == ("REVIEW", ("T1",))


SERVICES = [name for name in RULES.services if name != "ogolne"]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("who", ACCOUNTS)
def test_the_name_of_a_service_is_the_channel_nowe(who: str, service: str) -> None:
    """From a login with a profile a ticket; everybody else is asked for more, as for NOWE."""
    found = told(decided(who, SubjectClass.OTHER, about(service=service)))
    category = RULES.services[service].categories[0]
    if who in ("profile", "blocked"):
        assert found == ("GENERAL", category, "ZAREJESTROWANE", "I_LINIA", "T8")
    else:
        assert found == ("MORE", category, "OCZEKUJE_NA_KLIENTA", "", "T6")


@pytest.mark.parametrize("who", ACCOUNTS)
@pytest.mark.parametrize("topic", ["none", "reklamacja", "wyjasnienie"])
def test_anything_else(who: str, topic: str) -> None:
    found = decided(who, SubjectClass.OTHER, about(topic=topic))
    login = who in ("profile", "no profile", "blocked")
    expected = ("GENERAL", "ZAREJESTROWANE", ("T8",)) if login else ("MORE", "OCZEKUJE_NA_KLIENTA", ("T6",))
    assert (found.outcome, found.state, found.mails) == expected


def test_every_topic_of_the_rules_is_tried_here() -> None:
    tried = {*SAME_FOR_ALL, "none", "reklamacja", "wyjasnienie"}
    assert tried == set(RULES.words["topic"])


def test_who_may_not_be_told_apart_is_not() -> None:
    """The senders without an account of their own get one answer each time, whatever they write about."""
    subjects = (SubjectClass.NOWE, SubjectClass.NOWE_NEAR, SubjectClass.OTHER)
    for subject, topic in itertools.product(subjects, RULES.words["topic"]):
        answers = {told(decided(who, subject, about(topic=topic))) for who in ("nobody", "unproven login")}
        assert len(answers) == 1
