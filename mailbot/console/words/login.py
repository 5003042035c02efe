"""The way in."""

from __future__ import annotations

from mailbot.accounts import passwords

WORDS: dict[str, tuple[str, str]] = {
    "login": ("Logowanie", "Log in"),
    "login.name": ("Nazwa", "Name"),
    "login.password": ("Hasło", "Password"),
    "login.go": ("Zaloguj", "Log in"),
    "login.oidc": ("Zaloguj przez {provider}", "Log in with {provider}"),
    "login.wrong": (
        "Nazwa lub hasło się nie zgadza, albo prób było za dużo. Po kilku błędnych odczekaj: najpierw pół minuty, "
        "potem dłużej.",
        "Name or password is wrong, or there were too many tries. After several wrong ones wait: half a minute first, "
        "then longer.",
    ),
    "login.stale": (
        "Formularz był zbyt stary albo przeglądarka nie przyjmuje plików cookie. Spróbuj jeszcze raz.",
        "The form was too old, or the browser takes no cookies. Try again.",
    ),
    "login.oidc-failed": (
        "Dostawca logowania nie potwierdził, kto się loguje, albo nie ma tu takiej osoby.",
        "The provider did not confirm who logs in, or there is no such person here.",
    ),
    "login.second": ("Drugi składnik", "Second factor"),
    "login.code": ("Kod z aplikacji uwierzytelniającej", "Code of the authenticator"),
    "login.code-help": (
        "Sześć cyfr. Nie masz telefonu? Wpisz jeden z kodów zapasowych.",
        "Six digits. No telephone at hand? Enter one of the recovery codes.",
    ),
    "login.wrong-code": (
        "Ten kod się nie zgadza albo był już użyty. Poczekaj na następny; po kilku błędnych poczekaj dłużej.",
        "This code is wrong or was used. Wait for the next one; after several wrong ones wait longer.",
    ),
    "login.enrol": ("Pierwsze logowanie", "First login"),
    "login.enrol-steps": (
        "Ustaw własne hasło i połącz aplikację uwierzytelniającą. Hasło tymczasowe przestanie działać.",
        "Set a password of your own and connect an authenticator. The temporary password ends.",
    ),
    "login.new": ("Nowe hasło", "New password"),
    "login.repeat": ("Nowe hasło jeszcze raz", "New password once more"),
    "login.rules": ("Jakie hasło", "What password"),
    "login.broken": ("Popraw i wyślij jeszcze raz", "Correct and send again"),
    "login.scan": (
        "Zeskanuj ten kod aplikacją uwierzytelniającą (TOTP) albo wpisz do niej klucz.",
        "Scan this code with an authenticator (TOTP), or type the key into it.",
    ),
    "login.qr": ("Kod QR klucza", "QR code of the key"),
    "login.key": ("Klucz", "Key"),
    "login.save": ("Zapisz i zaloguj", "Save and log in"),
    "login.codes": ("Kody zapasowe", "Recovery codes"),
    "login.codes-help": (
        "Zapisz je na papierze i schowaj: nie pokażemy ich drugi raz. Każdy z nich raz zastąpi telefon.",
        "Write them down on paper and put them away: they are not shown again. Each takes the telephone's place once.",
    ),
    "login.on": ("Mam je, dalej", "I have them, go on"),
    "login.in": ("Zalogowano", "You are in"),
    "login.continue": ("Dalej", "Go on"),
    "account": ("Moje konto", "My account"),
    "account.password": ("Zmiana hasła", "Change of password"),
    "account.old": ("Obecne hasło", "Present password"),
    "account.change": ("Zmień hasło", "Change the password"),
    "account.changed": (
        "Hasło zmienione. Na innych urządzeniach trzeba zalogować się od nowa.",
        "The password is changed. You are logged out on all other devices.",
    ),
    "account.wrong": (
        "Obecne hasło albo kod się nie zgadza, albo prób było za dużo.",
        "The present password or the code is wrong, or there were too many tries.",
    ),
    "account.codes-help": (
        "Nowy zestaw kodów zapasowych. Poprzednie przestaną działać.",
        "A new set of recovery codes. Those before end.",
    ),
    "account.renew": ("Pokaż nowe kody", "Show new codes"),
}

PASSWORDS: dict[str, tuple[str, str]] = {
    passwords.MISSING: ("Wpisz nowe hasło.", "Enter a new password."),
    passwords.ONCE: (passwords.ONCE, "Enter the same password a second time."),
    passwords.DIFFERENT: (passwords.DIFFERENT, "The passwords differ. Enter the same one in both fields."),
    passwords.TOO_SHORT: (passwords.TOO_SHORT, f"Too short: enter at least {passwords.MIN_LENGTH} characters."),
    passwords.TOO_LONG: (passwords.TOO_LONG, f"Too long: enter {passwords.MAX_LENGTH} characters at most."),
    passwords.SPACES: (passwords.SPACES, "Remove the space at the beginning or at the end."),
    passwords.INVISIBLE: (
        passwords.INVISIBLE,
        "There is a character in it that cannot be seen. Type it, do not paste.",
    ),
    passwords.UNIFORM: (passwords.UNIFORM, f"Too uniform: use {passwords.MIN_DISTINCT} different characters at least."),
    passwords.LOGIN: (
        "Hasło zawiera Twoją nazwę lub jej część. Wybierz inne.",
        "It contains your name. Choose another.",
    ),
    passwords.SEQUENCE: (passwords.SEQUENCE, "It is a run of characters in their order. Choose another."),
    passwords.GUESSED: (passwords.GUESSED, "It contains a word that is easily guessed: {slowa}. Choose another."),
} | dict(
    zip(
        passwords.RULES,
        (
            (passwords.RULES[0], f"{passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters."),
            (passwords.RULES[1], f"At least {passwords.MIN_DISTINCT} different ones."),
            ("Nie zawiera Twojej nazwy.", "It does not contain your name."),
            (passwords.RULES[3], "It is no run of characters in their order, as “abcdefghijkl” or “123456789012”."),
            (passwords.RULES[4], f"It contains no word that is easily guessed: {', '.join(passwords.WORDS)}."),
            (passwords.RULES[5], "It neither begins nor ends with a space. Spaces within are allowed."),
        ),
        strict=True,
    )
)
"""What accounts.passwords says to citizens → to operators."""
