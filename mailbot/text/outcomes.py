"""What became of a message, in words for whoever works here."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.model import Outcome

OUTCOMES: Mapping[str, Mapping[Outcome, str]] = {
    "en": {
        Outcome.OK_A: "case A is granted: the activation link goes to the login",
        Outcome.OK_B: "case B is granted: after the wait the login moves and the link goes out",
        Outcome.REJ_FORMAL: "refused for what is missing in the mail, each thing named",
        Outcome.REJ_GENERIC: "refused without saying what is wrong",
        Outcome.REVIEW: "a person decides",
        Outcome.NEAR_MISS: "the subject is almost right; the citizen is told the difference",
        Outcome.QUARANTINE: "put aside for the security desk, without an answer",
        Outcome.NO_REPLY: "a machine wrote it: no ticket, no answer",
        Outcome.DUPLICATE: "known already",
        Outcome.RATE_LIMITED: "over a limit: it waits for a person",
        Outcome.TICKET_UPDATE: "joins the sender's own ticket",
        Outcome.COMPLAINT_OK: "opens the sender's own ticket again",
        Outcome.COMPLAINT_LATE: "comes after the time for a complaint",
        Outcome.ZGL_FOREIGN: "names a ticket that is not the sender's: treated as new",
        Outcome.NEW_OK: "a new ticket of the channel NOWE",
        Outcome.MORE: "the citizen is asked for more",
        Outcome.DELETE_INFO: "the citizen is told how to delete the account",
        Outcome.SELF_SERVICE: "the citizen is told how to help himself",
        Outcome.PESEL_EXISTS: "the citizen is told what to do about a PESEL that is known",
        Outcome.FAQ: "answered from the list of questions",
        Outcome.GENERAL: "a general ticket",
        Outcome.SPAM: "unsolicited: kept apart, no ticket, no answer",
    },
    "pl": {
        Outcome.OK_A: "przypadek A uznany: link aktywacyjny idzie na login",
        Outcome.OK_B: "przypadek B uznany: po odczekaniu login się zmienia i wychodzi link",
        Outcome.REJ_FORMAL: "odmowa z powodu braków w mailu, każdy jest nazwany",
        Outcome.REJ_GENERIC: "odmowa bez podania, co się nie zgadza",
        Outcome.REVIEW: "decyduje człowiek",
        Outcome.NEAR_MISS: "temat prawie dobry; obywatel dowiaduje się, czym się różni",
        Outcome.QUARANTINE: "odłożony dla zespołu bezpieczeństwa, bez odpowiedzi",
        Outcome.NO_REPLY: "napisał go automat: bez zgłoszenia i bez odpowiedzi",
        Outcome.DUPLICATE: "już go mamy",
        Outcome.RATE_LIMITED: "ponad limit: czeka na człowieka",
        Outcome.TICKET_UPDATE: "dołącza do zgłoszenia nadawcy",
        Outcome.COMPLAINT_OK: "otwiera na nowo zgłoszenie nadawcy",
        Outcome.COMPLAINT_LATE: "przyszedł po terminie reklamacji",
        Outcome.ZGL_FOREIGN: "podaje zgłoszenie, które nie należy do nadawcy: traktowany jak nowy",
        Outcome.NEW_OK: "nowe zgłoszenie kanału NOWE",
        Outcome.MORE: "prośba do obywatela o uzupełnienie",
        Outcome.DELETE_INFO: "obywatel dowiaduje się, jak usunąć konto",
        Outcome.SELF_SERVICE: "obywatel dowiaduje się, jak zrobić to samodzielnie",
        Outcome.PESEL_EXISTS: "obywatel dowiaduje się, co robić, gdy PESEL już jest",
        Outcome.FAQ: "odpowiedź z listy pytań",
        Outcome.GENERAL: "zgłoszenie ogólne",
        Outcome.SPAM: "niezamówiona: osobna lista, bez zgłoszenia i bez odpowiedzi",
    },
}
