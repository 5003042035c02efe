"""What the person wrote: quotes, signatures, HTML, flowed lines, invisible characters."""

from __future__ import annotations

import pytest

from mailbot.parsing import html_text, quotes, text
from tests.unit.parsing.mails import mail, read

OWN_TEXT = "Proszę o zmianę hasła awaryjnego dla Jan Kowalski, 1980"
HEAD = "Od: Help Desk <pomoc@urzad.example>\nWysłano: poniedziałek, 3 listopada 2025 10:12\nDo: Jan\nTemat: RE: hasło"

PREFIXED = {
    "gmail": "pon., 3 lis 2025 o 10:12 Help Desk <pomoc@urzad.example> napisał(a):",
    "gmail folded": "pon., 3 lis 2025 o 10:12 Help Desk Urzędu Bardzo Długiego\n<pomoc@urzad.example> napisał(a):",
    "gmail in three": "wt., 4 lis 2025 o 10:12 Help Desk\nUrzędu\n<pomoc@urzad.example> napisał(a):",
    "gmail Wednesday": "śr., 5 lis 2025, 10:12 użytkownik Help Desk <pomoc@urzad.example> napisał:",
    "thunderbird": "W dniu 3.11.2025 o 10:12, Help Desk pisze:",
    "thunderbird old": "W dniu 2025-11-03 10:12, Help Desk pisze:",
    "apple": "Wiadomość napisana przez Help Desk <pomoc@urzad.example> w dniu 3 lis 2025, o godz. 10:12:",
    "english": "On Mon, Nov 3, 2025 at 10:12 AM Help Desk <pomoc@urzad.example> wrote:",
    "german": "Am 03.11.2025 um 10:12 schrieb Help Desk:",
    "wp": "Dnia 3 listopada 2025 10:12 Help Desk <pomoc@urzad.example> napisał(a):",
    "o2": "Dnia 3 listopada 2025 10:12 Help Desk &lt;pomoc@urzad.example&gt; napisał(a):",
    "onet": "W dniu 2025-11-03 10:12:33 użytkownik Help Desk <pomoc@urzad.example> napisał:",
    "user": "Użytkownik Help Desk napisał:",
    "name only": "Help Desk <pomoc@urzad.example> napisał(a):",
    "bare": "",
}


@pytest.mark.parametrize("line", PREFIXED.values(), ids=PREFIXED)
def test_prefixed_quote_is_cut_above_and_below(line: str) -> None:
    quote = f"{line}\n\n> Szanowny Panie,\n>> Anna Nowak 1975\n>\n"
    assert quotes.cut(f"{OWN_TEXT}\n\n{quote}") == OWN_TEXT
    assert quotes.cut(f"{quote}\n{OWN_TEXT}") == OWN_TEXT
    assert quotes.cut(quote) == ""


@pytest.mark.parametrize("line", [v for v in PREFIXED.values() if v], ids=[k for k, v in PREFIXED.items() if v])
def test_unprefixed_quote_is_the_rest(line: str) -> None:
    assert quotes.cut(f"{OWN_TEXT}\n\n{line}\nSzanowny Panie,\nAnna Nowak 1975") == OWN_TEXT


@pytest.mark.parametrize(
    "mark",
    [
        "-----Original Message-----",
        "-----Wiadomość oryginalna-----",
        "---------- Forwarded message ---------",
        "-------- Oryginalna wiadomość --------",
        "-------- Treść przekazanej wiadomości --------",
        "---------- Przekazana wiadomość ----------",
        "Początek przekazanej wiadomości:",
        "Begin forwarded message:",
        "________________________________\n" + HEAD,
        HEAD,
        HEAD.replace("Wysłano", "*Wysłano").replace("Od:", "*Od:*"),
        "From: Help Desk <pomoc@urzad.example>\nSent: Monday, November 3, 2025 10:12 AM\nTo: Jan\nSubject: RE: x",
        'Od: "Help Desk" <pomoc@urzad.example>\nDo: "Jan" <jan@wp.example>\n'
        "Wysłane: 10:12 Poniedziałek 2025-11-03\nTemat: hasło",
        "From: Help Desk\nDate: Mon, 3 Nov 2025 10:12\nTo: Jan\nSubject: x",
        "Od: Help Desk\n\nWysłano: poniedziałek 10:12\n\nDo: Jan\n\nTemat: x",
    ],
)
def test_outlook_marks_cut_the_rest(mark: str) -> None:
    assert quotes.cut(f"{OWN_TEXT}\n\n{mark}\n\nAnna Nowak 1975\n") == OWN_TEXT
    assert quotes.cut(f"{mark}\n\nAnna Nowak 1975\n") == ""


@pytest.mark.parametrize(
    "line",
    [
        "Wysłane z iPhone’a",
        "Wysłane z iPhone'a",
        "Wysłane z iPada",
        "Wysłane z mojego iPhone'a",
        "Wysłane z mojego Galaxy",
        "Wysłano z urządzenia Samsung",
        "Wysłane z urządzenia mobilnego Samsung Galaxy.",
        "Wysłane ze smartfona Samsung Galaxy.",
        "Wysłane z aplikacji Mail dla Windows",
        "Wysłane z aplikacji Poczta dla systemu Windows 10",
        "Wysłane z systemu Outlook dla systemu Android<https://aka.example/ab>",
        "Pobierz aplikację Outlook dla systemu Android",
        "Pobierz program Outlook dla systemu iOS<https://aka.example/o0>",
        "Uzyskaj aplikację Outlook dla systemu iOS",
        "Wysłano z Yahoo Mail na Androida",
        "Wysłane z telefonu Huawei",
        "Wysłane z mojego telefonu Xiaomi",
        "Wysłane przy użyciu Tutanota",
        "Wysłano z bezpiecznej poczty Proton Mail.",
        "Wysłano za pomocą Poczty Onet",
        "Wysłane z aplikacji mobilnej WP Poczta",
        "Sent from my iPhone",
        "Sent from Mail for Windows",
        "Sent via BlackBerry",
        "Get Outlook for iOS",
        "Get Outlook for Android<https://aka.example/x>",
        "Отправлено с iPhone",
        "Надіслано з iPhone",
        "Von meinem iPhone gesendet",
        "Odesláno z iPhonu",
        "*Wysłane z iPhone’a*",
        "Wolny od wirusów. www.avast.example",
    ],
)
def test_phone_signatures(line: str) -> None:
    assert quotes.cut(f"{OWN_TEXT}\n\n{line}") == OWN_TEXT
    assert quotes.cut(line) == ""


@pytest.mark.parametrize(
    "body",
    [
        OWN_TEXT,
        "Wysłano z Poczty Polskiej list do Urzędu",
        "Wysłano do Państwa wniosek pocztą w dniu 3 maja, proszę o hasło.",
        "Wysłane z telefonu: Jan Kowalski 1980",
        "Pobieram aplikację i nie działa",
        "Od: Jan Kowalski\nDo: Help Desk\nDotyczy: hasło\n" + OWN_TEXT,
        "Dane:\nJan Kowalski\n1980",
        "System pisze:\nPESEL już istnieje",
        "W dniu 3.11.2025 system napisał że konto jest zablokowane",
        "-- prośba --\n" + OWN_TEXT,
        "__________\n" + OWN_TEXT,
        "Data: 3.11.2025\n" + OWN_TEXT,
        "Ta wiadomość, której jestem adresatem, nie ma linku.",
        "Jeżeli mail nie doszedł, jestem adresatem innej skrzynki.",
        "The message with the link is not there. Who is the intended reader?",
    ],
)
def test_own_words_stay(body: str) -> None:
    assert quotes.cut(body) == body


LEGAL = [
    "This message and any attachments are confidential and intended solely for the addressee. Please delete it.",
    "This e-mail is intended\nonly for the use of the individual or entity\nto whom it is addressed.",
    "CONFIDENTIALITY NOTICE: the information in this e-mail is privileged.",
    "If you are not the intended recipient, please delete this account of facts.",
    "Niniejsza wiadomość jest przeznaczona wyłącznie dla jej adresata i może zawierać informacje poufne.",
    "Treść tej wiadomości zawiera informacje przeznaczone tylko dla adresata.",
    "Jeżeli nie są Państwo adresatem niniejszej wiadomości, prosimy o jej usunięcie.",
    "Klauzula poufności: adresat nie może jej ujawniać.",
    "Diese E-Mail enthält vertrauliche Informationen.",
]


@pytest.mark.parametrize("legal", LEGAL)
def test_what_firms_say_of_confidence_is_no_letter(legal: str) -> None:
    assert quotes.cut(f"{OWN_TEXT}\n\n{legal}") == OWN_TEXT
    assert quotes.cut(f"{OWN_TEXT}\n{legal}\n\nDziękuję") == f"{OWN_TEXT}\n\nDziękuję"
    assert quotes.cut(f"*{legal}*\n\n{OWN_TEXT}") == OWN_TEXT


def test_signature_line() -> None:
    for line in ("-- ", "--"):
        assert quotes.cut(f"{OWN_TEXT}\n{line}\nAnna Nowak\ntel. 600 100 200") == OWN_TEXT
    assert quotes.cut("-- \nAnna Nowak") == ""


def test_full_text_keeps_everything() -> None:
    message = read(mail(b"Tekst\r\n> cytat\r\n-- \r\nJan", b"Content-Type: text/plain; charset=utf-8"))
    assert message.text == "Tekst"
    assert message.full_text == "Tekst\n> cytat\n-- \nJan"


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("<p>Jan<br>Kowalski</p><div>1980</div>", "Jan\nKowalski\n1980"),
        ("<p>dla</p><p><b>Jan Kowalski</b>,&nbsp;1980</p>", "dla\nJan Kowalski,\xa01980"),
        ("Za&#380;&oacute;&#x142;&#263;", "Zażółć"),
        ("<head><title>t</title><style>p{}</style></head><body>a<script>x='<p>'</script>b", "ab"),
        ("<head><p>no end of head", "no end of head"),
        ("a<span style='display: none'>x<br>y</span>b", "ab"),
        ("a<p style=display:none>x<p>b", "a\nb"),
        ("a<div hidden>x</div>b<i style='font-size:0px'>x</i><i style='font-size:0.9em'>c</i>", "a\nbc"),
        ("<table><tr><td>Jan</td><td>1980</td></tr><tr><td>x</td></tr></table>", "Jan 1980\nx"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<pre>a\n  b</pre>c", "a\n  b\nc"),
        ("<!-- <p>x</p> -->a<!--[if mso]>x<![endif]-->b<!-- open x", "ab"),
        ("1 < 2 & 3 <> 4 <3", "1 < 2 & 3 <> 4 <3"),
        ('<a title="a>b" href=x>c</a>', "c"),
        ("&#" + "1" * 5000 + ";", "&#" + "1" * 5000 + ";"),
        ("a\n  b", "a b"),
    ],
)
def test_html(page: str, seen: str) -> None:
    assert html_text.to_text(page) == seen


@pytest.mark.parametrize(
    "quote",
    [
        "<blockquote><p>Anna Nowak</p>1975</blockquote>",
        '<div class="gmail_quote"><div class="gmail_attr">pon. napisał:<br></div><blockquote>Anna</blockquote></div>',
        '<div class="moz-cite-prefix">W dniu 3.11.2025, X pisze:<br></div><blockquote type="cite">A</blockquote>',
        '<div id="ydp1" class="ydpx yahoo_quoted"><div>Anna</div></div>',
    ],
)
def test_html_quotes_are_cut_and_text_below_stays(quote: str) -> None:
    for page, expected in ((f"<p>a</p>{quote}", "a"), (f"{quote}<p>b</p>", "b"), (f"<p>a</p>{quote}<p>b</p>", "a\nb")):
        assert quotes.cut(html_text.to_text(page)) == expected


def test_outlook_html_quote_goes_to_the_end() -> None:
    page = '<div>a</div><hr><div id="divRplyFwdMsg"><b>Od:</b> X</div><div>Anna Nowak</div>'
    message = read(mail(page.encode(), b"Content-Type: text/html; charset=utf-8"))
    assert message.text == "a"
    assert "Anna Nowak" in message.full_text


@pytest.mark.parametrize(
    "piece", ["<!--", "<a ", "<a x='", "</", "<![", "&#", "<p>", "</p>", '<a b="c" ', "<script>", "> <"]
)
def test_html_is_linear(piece: str) -> None:
    html_text.to_text(piece * 100_000)


@pytest.mark.parametrize(
    "piece",
    [
        "> ",
        ">\n",
        "On ",
        "pisze:\n",
        "Od:\n",
        "-- \n",
        "-----",
        "<a@",
        ": \n",
        "W dniu 1:11 ",
        "confidential this message\n",
    ],
)
def test_cutting_is_linear(piece: str) -> None:
    quotes.cut(piece * 100_000)


def test_flowed_lines() -> None:
    assert text.unflow("Proszę o \nzmianę\n-- \nJan", delsp=False) == "Proszę o zmianę\n-- \nJan"
    assert text.unflow("Prosz \nę\n", delsp=True) == "Proszę\n"
    assert text.unflow("> a \n> b\n>> c \nd", delsp=False) == "> a b\n>> c \nd"
    assert text.unflow(" From x\n  y", delsp=False) == "From x\n y"


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\u200bb\ufeffc\u00add\u200fe\u202af", "abcdef"),
        ("a\u00a0b\tc\u2003d\u202fe\u3000f", "a b c d e f"),
        ("a\u2028b\x0cc\x85d", "a\nb\nc\nd"),
        ("a\0b\x07c\x9bd", "abcd"),
        ("Zaz\u0307o\u0301łc\u0301", "Zażółć"),
    ],
)
def test_plain(source: str, plain: str) -> None:
    assert text.plain(source) == plain
