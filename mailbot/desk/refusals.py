"""The words for why a person may not do something, each with the way: one table, Polish and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.desk.plan import Refusal
from mailbot.desk.words import Bilingual

_PROOF = Bilingual(
    "nadawca nie jest potwierdzony; zadzwoń i zapisz rozmowę z pytaniami, albo poproś o nowy list z loginu",
    "the sender is not proven; call and record the checklist, or ask for a new letter from the login",
)
_FLOOR = Bilingual(
    "tego nie wolno nikomu; zgłoś błąd administratorowi z numerem zgłoszenia",
    "nobody may do that; tell the administrator, with the number of the ticket",
)

REFUSALS: Mapping[str, Bilingual] = {
    "changed": Bilingual(
        "zgłoszenie zmieniło się w tym czasie ({who}); przeczytaj, co się stało, i zdecyduj jeszcze raz",
        "the ticket has changed meanwhile ({who}); read what happened and decide again",
    ),
    "role": Bilingual(
        "do tego trzeba roli konsultanta albo przełożonego", "this needs the role consultant or supervisor"
    ),
    "desk": Bilingual(
        "zgłoszenie ma zespół {desk}; poproś kogoś stamtąd", "the desk {desk} has it; ask somebody there"
    ),
    "supervisor": Bilingual("to robi przełożony; przekaż mu numer", "a supervisor does this; give him the number"),
    "reason": Bilingual("napisz powód", "write the reason"),
    "too-long": Bilingual("tekst jest za długi; skróć do {most} znaków", "the text is too long; shorten it to {most}"),
    "state": Bilingual(
        "w stanie {state} tego nie ma; najpierw otwórz zgłoszenie ponownie, zwolnij je albo na nie odpowiedz",
        "there is no such thing in the state {state}; reopen, release or answer the ticket first",
    ),
    "yours": Bilingual("już je masz", "you have it already"),
    "held": Bilingual(
        "zgłoszenie ma {owner}; poproś o przekazanie albo przełożonego",
        "{owner} has it; ask to be given it, or a supervisor",
    ),
    "take-first": Bilingual("nikt go nie ma; najpierw je weź", "nobody has it; take it first"),
    "nobodys": Bilingual("nikt go nie ma; możesz je wziąć", "nobody has it; you can take it"),
    "colleague": Bilingual(
        "{name}: nie ma takiej osoby w pracy przy tym zespole; wybierz inną",
        "{name}: nobody of that name works at this desk; choose another",
    ),
    "no-desk": Bilingual(
        "{desk}: nie ma takiego zespołu; wybierz z listy", "{desk}: no such desk; choose from the list"
    ),
    "same-desk": Bilingual("zespół {desk} już je ma; nie rób nic", "the desk {desk} has it already; do nothing"),
    "empty": Bilingual("napisz treść", "write a text"),
    "two-wrong": Bilingual(
        "dwie złe odpowiedzi: nic nie mów; powiedz, że odpowiemy e-mailem na login",
        "two wrong answers: say nothing; say that we will answer by e-mail to the login",
    ),
    "no-template": Bilingual(
        "nie ma wzoru {kind}; poproś administratora o plik rules/mails/{kind}_….txt.j2",
        "there is no template {kind}; ask the administrator for rules/mails/{kind}_….txt.j2",
    ),
    "template": Bilingual(
        "wzoru nie da się wypełnić ({why}); powiedz administratorowi", "{why}; tell the administrator"
    ),
    "template-alone": Bilingual(
        "wzór idzie bez tekstu i plików; usuń je albo pisz własną odpowiedź",
        "a template goes without text and files; take them out, or write an answer of your own",
    ),
    "no-recipient": Bilingual(
        "nie wiadomo, kto napisał; zamknij bez wiadomości albo zadzwoń",
        "nobody knows who wrote; close it without a mail, or call",
    ),
    "no-login": Bilingual(
        "nie znamy konta tej sprawy; odpowiedz nadawcy albo zadzwoń",
        "no account is known for this matter; answer the sender, or call",
    ),
    "unanswerable": Bilingual(
        "temu nadawcy nie wolno odpisać (podszyty, automat albo nic za nim nie ręczy); napisz na login z rejestru "
        "albo zadzwoń",
        "this sender must not be answered (forged, a machine, or nothing vouches for him); write to the login of the "
        "directory, or call",
    ),
    "which-data": Bilingual("zaznacz, czego brakuje we wniosku: {data}", "tick what the application lacks: {data}"),
    "no-defect": Bilingual(
        "zaznacz brak; jeśli nie pasują dane konta, odmów ogólnie",
        "tick a defect; if the data do not fit the account, refuse without naming a reason",
    ),
    "not-procedure": Bilingual(
        "to odmowa procedury specjalnej; tutaj odpowiedz i zamknij",
        "that refusal is the special procedure's; answer and close here",
    ),
    "no-procedure": Bilingual(
        "to nie jest sprawa procedury specjalnej; odpowiedz i zamknij",
        "no matter of the special procedure; answer and close",
    ),
    "link-alive": Bilingual(
        "zgłoszenie ma link; wstrzymaj je i zamknij z odmową",
        "the ticket has a link; stop it, then close it as refused",
    ),
    "stopped": Bilingual("zgłoszenie jest wstrzymane; najpierw je zwolnij", "the ticket is stopped; release it first"),
    "stopped-already": Bilingual("zgłoszenie już jest wstrzymane; nie rób nic", "it is stopped already; do nothing"),
    "stopped-for-good": Bilingual(
        "wstrzymaną sprawę kończy się odmową; wybierz „odmowa”, albo ją zwolnij",
        "what was stopped ends as refused; choose that, or release it",
    ),
    "nothing-to-stop": Bilingual(
        "tu nie ma czego wstrzymać: zgłoszenie nic nie wysyła i niczego nie zmienia; zapisz rozmowę",
        "there is nothing to stop: the ticket sends and changes nothing; record the call",
    ),
    "not-stopped": Bilingual("zgłoszenie nie jest wstrzymane; nie rób nic", "it is not stopped; do nothing"),
    "limit": Bilingual(
        "zgłoszenie czeka przez limit; wypuść z limitu", "it waits for a limit; let it out of the limit"
    ),
    "not-limited": Bilingual(
        "zgłoszenie nie czeka przez limit; zwolnij je", "it does not wait for a limit; release it"
    ),
    "release": Bilingual("nie można zwolnić: {why}", "it cannot go on: {why}"),
    "no-call": Bilingual("nie ma zapisanej rozmowy; najpierw ją zapisz", "no call is recorded; record it first"),
    "not-answered": Bilingual(
        "nie wysłaliśmy jeszcze odpowiedzi; odpowiedz i zamknij", "nothing was answered yet; answer and close"
    ),
    "no-ticket": Bilingual(
        "{number}: nie ma takiego zgłoszenia; sprawdź numer", "{number}: no such ticket; check the number"
    ),
    "itself": Bilingual("to jest to samo zgłoszenie; podaj inny numer", "it is this very ticket; give another number"),
    "other-person": Bilingual(
        "nie wiadomo na pewno, że pisała jedna osoba; powiąż zgłoszenia zamiast łączyć",
        "it is not certain that one person wrote both; link the tickets instead",
    ),
    "merge-link": Bilingual(
        "jedno z nich ma link aktywacyjny; powiąż zgłoszenia zamiast łączyć",
        "one of them has an activation link; link the tickets instead",
    ),
    "merge-state": Bilingual(
        "łączy się tylko dwa otwarte, niewstrzymane zgłoszenia; otwórz je ponownie albo powiąż",
        "only two open tickets that are not stopped are merged; reopen, or link them",
    ),
    "no-letter": Bilingual(
        "tego listu nie ma w zgłoszeniu; wybierz z listy", "no such letter here; choose from the list"
    ),
    "opening-letter": Bilingual(
        "od tego listu zaczęło się zgłoszenie; wydziel inny", "that letter opened the ticket; split another one off"
    ),
    "no-mail": Bilingual(
        "wiadomość {mail} nie należy do zgłoszenia; wybierz z listy", "mail {mail} is not of this ticket"
    ),
    "on-its-way": Bilingual(
        "wiadomość właśnie wychodzi; spróbuj za pięć minut", "it is on its way; try in five minutes"
    ),
    "frozen": Bilingual(
        "wiadomość jest wstrzymana ze zgłoszeniem; zwolnij zgłoszenie", "it is stopped; release the ticket"
    ),
    "mail-ended": Bilingual(
        "wiadomość już wyszła albo ją anulowano; nie rób nic", "it has left or was cancelled; do nothing"
    ),
    "waits-anyway": Bilingual(
        "wiadomość czeka na poprzednią; zatrzymaj tamtą albo wstrzymaj zgłoszenie",
        "it waits for the one before it; hold that one, or stop the ticket",
    ),
    "hold-link": Bilingual(
        "to wiadomość sprawy z linkiem; wstrzymaj całe zgłoszenie", "a mail of a matter with a link; stop the ticket"
    ),
    "joined": Bilingual("sprawa jest teraz w {number}; pracuj tam", "the matter goes on in {number}; go there"),
    "not-buried": Bilingual("wiadomość czeka na swoją kolej; nie rób nic", "the mail waits for its turn; do nothing"),
    "held-already": Bilingual(
        "wiadomość już stoi; wyślij ją lub anuluj", "the mail is held already; retry or cancel it"
    ),
    "cancel-link": Bilingual(
        "to wiadomość działającego linku; wstrzymaj zgłoszenie i zamknij je z odmową",
        "a mail of a living link; stop the ticket and close it as refused",
    ),
    "cancel-first": Bilingual(
        "za nią czekają inne wiadomości; wstrzymaj zgłoszenie i zamknij je z odmową",
        "other mails wait behind it; stop the ticket and close it as refused",
    ),
    "mail-way": Bilingual("nie można: {why}", "not possible: {why}"),
    "nothing-to-take-back": Bilingual(
        "nie ma czego cofnąć; napisz jeszcze raz", "nothing to take back; write once more"
    ),
    "not-yours": Bilingual(
        "wysłała to inna osoba ({owner}); poproś ją albo przełożonego", "{owner} did it; ask, or a supervisor"
    ),
    "left-already": Bilingual("wiadomość już wyszła; napisz sprostowanie", "the mail has left; write a correction"),
    "text-invisible": Bilingual("tekst ma niewidoczne znaki; wpisz go ręcznie", "it has invisible characters; type it"),
    "text-secret": Bilingual(
        "w tekście jest PESEL, IDSISC albo hasło; usuń je", "it holds a PESEL or a password; delete it"
    ),
    "text-contact": Bilingual(
        "„{what}” nie ma w kontaktach urzędu (rules/contacts.yaml); usuń lub poproś administratora o dopisanie",
        "“{what}” is not in rules/contacts.yaml; take it out, or ask the administrator to add it",
    ),
    "text-ticket": Bilingual("{what} to inne zgłoszenie; usuń ten numer", "{what} is another ticket; take it out"),
    "files-limit": Bilingual(
        "najwyżej {files} plików i {megabytes} MB razem; zmniejsz", "at most {files} files, {megabytes} MB in all"
    ),
    "file-type": Bilingual(
        "{name}: tylko PDF, PNG i JPEG; zamień na PDF", "{name}: PDF, PNG and JPEG only; make it a PDF"
    ),
    "is-case-b": Bilingual(
        "to zmiana loginu; przyjmują ją dwie osoby", "that is a change of login; two people accept it"
    ),
    "not-case-b": Bilingual(
        "to nie jest zmiana loginu; przyjmij jako hasło awaryjne", "no change of login; accept as case A"
    ),
    "no-account": Bilingual(
        "w rejestrze nie ma takiego loginu; odmów ogólnie", "no such login; refuse without a reason"
    ),
    "account-blocked": Bilingual(
        "konto jest zablokowane; odmów ogólnie albo zadzwoń", "it is blocked; refuse, or call"
    ),
    "deviations": Bilingual(
        "zaznacz i wyjaśnij w powodzie dokładnie to, co odbiega: {which}",
        "tick exactly what deviates and explain it in the reason: {which}",
    ),
    "erased": Bilingual(
        "list z tego zgłoszenia usunięto na żądanie albo z powodu wieku; klient pisze od nowa",
        "its letter was erased, on request or for its age; the citizen writes anew",
    ),
    "decided-again": Bilingual(
        "list z tego zgłoszenia automat właśnie ocenia jeszcze raz; odśwież za chwilę",
        "its letter is being decided again just now; look again in a moment",
    ),
    "had-link": Bilingual(
        "zgłoszenie miało już link; poproś o nowy list, dostanie nowy link",
        "the ticket had its link; ask for a new letter, which gets a new one",
    ),
    "login-stopped": Bilingual(
        "link tego loginu jest wstrzymany; najpierw zakończ tamtą sprawę",
        "a link of this login is stopped; bring that matter to its end first",
    ),
    "unproven": _PROOF,
    "no-person": Bilingual("do tego trzeba konta osoby; zaloguj się", "this needs the account of a person; log in"),
    "first-there": Bilingual("pierwsza osoba ({who}) już przyjęła; potwierdź", "{who} accepted first; confirm"),
    "no-first": Bilingual("nikt jeszcze nie przyjął jako pierwszy; zrób to", "nobody has accepted first; do that"),
    "both-halves": Bilingual("to robi druga osoba; poproś przełożonego", "another person does this; ask a supervisor"),
    "other-facts": Bilingual(
        "od pierwszego przyjęcia coś się zmieniło; wycofaj je i zacznijcie od nowa",
        "something has changed since the first person accepted; withdraw it and begin anew",
    ),
    "no-report": Bilingual(
        "nie ma sprawdzonego podpisu; odmów i wskaż braki", "no signature was checked; refuse, naming it"
    ),
    "no-address": Bilingual("to nie jest adres e-mail; przepisz login z wniosku", "no e-mail address; copy it anew"),
    "other-login": Bilingual("we wniosku jest inny login; przepisz go", "the application names another login; copy it"),
    "not-looked": Bilingual("obie osoby muszą otworzyć wniosek; zrób to", "both must open the application; do so"),
    "broken": Bilingual(
        "podpis nie obejmuje całego wniosku; odmów i wskaż braki", "the signature does not fit; refuse"
    ),
    "replayed": Bilingual(
        "ten wniosek już raz przyjęto; poproś o nowy", "this application was used; ask for a new one"
    ),
    "other-holder": Bilingual(
        "podpisała inna osoba niż właściciel konta; odmów ogólnie", "another person signed; refuse"
    ),
    "login-taken": Bilingual("nowy adres jest już loginem; odmów ogólnie", "the new address is a login; refuse"),
    "floor-silent": _FLOOR,
    "floor-quarantine": Bilingual(
        "z kwarantanny nic nie wychodzi; najpierw wypuść", "nothing leaves quarantine; let it out"
    ),
    "floor-text": _FLOOR,
    "floor-link": _FLOOR,
}
"""Code of a refusal → its sentence, which names the way."""


def sentence(why: Refusal, language: str) -> str:
    """Why nothing was done, and the way."""
    return REFUSALS[why.code].told(language, **why.values)
