"""What the words of an answer mean, for the schema that editors show and for docs/rules.md."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.model import MailKind, Outcome, State

OUTCOMES: Mapping[Outcome, str] = {
    Outcome.OK_A: "case A is granted: T1, T2A, T3",
    Outcome.OK_B: "case B is granted: T1, T14, T2B, T3",
    Outcome.REJ_FORMAL: "refused for formal defects, named one by one",
    Outcome.REJ_GENERIC: "refused without saying which datum is wrong",
    Outcome.REVIEW: "a person decides",
    Outcome.NEAR_MISS: "nearly the subject of the procedure; nothing is done",
    Outcome.QUARANTINE: "kept apart, and never answered",
    Outcome.NO_REPLY: "from a machine, and never answered",
    Outcome.DUPLICATE: "came before, and joins the first ticket",
    Outcome.RATE_LIMITED: "over a limit of rules/limits.yaml; waits for a person",
    Outcome.TICKET_UPDATE: "joins a ticket that is there",
    Outcome.COMPLAINT_OK: "a complaint in time opens the ticket again",
    Outcome.COMPLAINT_LATE: "a complaint after its time",
    Outcome.ZGL_FOREIGN: "names a ticket that is not the sender's",
    Outcome.NEW_OK: "a ticket by the channel NOWE",
    Outcome.MORE: "the citizen is asked for more",
    Outcome.DELETE_INFO: "told how an account is deleted",
    Outcome.SELF_SERVICE: "told how the citizen can help himself",
    Outcome.PESEL_EXISTS: "told what to do about a PESEL that is known already",
    Outcome.FAQ: "a question of rules/faq.yaml is answered",
    Outcome.GENERAL: "an ordinary ticket",
    Outcome.SPAM: "kept in the list of `mailbot queue ls --spam`, without ticket and answer",
}

STATES: Mapping[State, str] = {
    State.ZAREJESTROWANE: "registered",
    State.W_TOKU: "somebody works on it",
    State.DO_WERYFIKACJI: "a person has to look",
    State.OCZEKUJE_NA_KLIENTA: "waits for the citizen's answer",
    State.ZAMKNIETE_ROZWIAZANE: "closed, solved",
    State.ZAMKNIETE_NEGATYWNIE: "closed, refused",
    State.ZAMKNIETE_BEZ_ZMIAN: "closed, nothing was done",
    State.PONOWNIE_OTWARTE: "opened again by a complaint",
    State.KWARANTANNA: "kept apart for the security desk",
    State.WSTRZYMANE: "stopped until a person goes on with it",
    State.ODRZUCONE_AUTOMAT: "mail of a machine",
}

MAILS: Mapping[MailKind, str] = {
    MailKind.T1: "registration",
    MailKind.T2A: "resolution of case A",
    MailKind.T2B: "resolution of case B, to the new login",
    MailKind.T3: "the activation link",
    MailKind.T4: "refusal for formal defects",
    MailKind.T5: "refusal that names no reason",
    MailKind.T6: "what is still needed for a ticket",
    MailKind.T7: "the subject was nearly right",
    MailKind.T8: "registration of an ordinary ticket",
    MailKind.T9: "a complaint was received in time",
    MailKind.T10: "a complaint came too late",
    MailKind.T11: "how an account is deleted",
    MailKind.T12: "a break of a service; sent by `mailbot notices` only",
    MailKind.T13: "answer to a question of rules/faq.yaml",
    MailKind.T14: "warning to the old login, case B only",
    MailKind.T15: "the same request is being dealt with",
    MailKind.T16: "how to change the password oneself",
    MailKind.T17: "the PESEL is known already",
    MailKind.T18: "more mails than a machine decides",
    MailKind.T19: "the login was changed; sent by the use of a link only",
    MailKind.T20: "logging in is blocked for half an hour",
    MailKind.T21: "an answer that a person wrote; sent from the desk only",
    MailKind.T22: "a question that a person wrote; sent from the desk only",
    MailKind.T23: "the answer to a complaint that a person wrote; sent from the desk only",
    **{kind: "a mail of the office's own; none is shipped" for kind in MailKind if kind.own},
}
