"""What the person wrote in this mail: quotes and the signatures of phones and mail programs are cut.

Line patterns only, each anchored and used on short lines, so the work is linear (no peer library knew the Polish
lines of Gmail, Thunderbird and Apple Mail, procedure §2).
"""

from __future__ import annotations

import re

_LINE_MAX = 400
"""Longer lines are never marks."""

_VERB_END = re.compile(
    r"(?:napisał(?:\s*\(a\)|/a|/-a|a|o)?|pisze|wrote|writes|schrieb|geschrieben|a écrit|написал|написав|пише|пишет)"
    r"(?:\s*\([^()]{0,20}\))?\s*:\s*$",
    re.IGNORECASE,
)
_ATTRIBUTION_START = re.compile(
    r"(?:W dniu|Dnia|On|Am|Le|Użytkownik|Użyt\.)\s"
    r"|(?:pon|wt|śr|czw|czwart|pt|pią|sob|niedz|nie|ndz|mon|tue|wed|thu|fri|sat|sun)[a-złąęćńóśźż]{0,9}\.?,?\s.{0,4}\d"
    r"|\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}\s+[a-ząćęłńóśźż]{3,12}\.?\s+\d{4}",
    re.IGNORECASE,
)
_ANGLE_ADDRESS = re.compile(r"<[^<>]*@[^<>]*>")
_APPLE = re.compile(r"Wiadomość napisana (?:przez|w dniu|dnia)\s.*:\s*$", re.IGNORECASE)
_VERB_INSIDE = re.compile(r"Użytkownik\s.*\snapisał.{0,4}:\s*$|Am\s.*\d.*\sschrieb\s.*:\s*$", re.IGNORECASE)
_DATE_OR_ADDRESS = re.compile(r"\d{1,2}[:.]\d{2}|\d{4}|@|\d{1,2}[./-]\d{1,2}")

_ORIGINAL = re.compile(
    r"[-_=]{2,}\s*(?:Original (?:Message|Appointment)|Wiadomość oryginalna|Oryginalna wiadomość|Pierwotna wiadomość"
    r"|Wiadomość pierwotna|Oryginał wiadomości|Forwarded [Mm]essage|Treść przekazan(?:ej|a) wiadomości"
    r"|Przekazana wiadomość|Wiadomość przekazana(?: dalej)?|Przesłana wiadomość|Wiadomość przesłana dalej"
    r"|Początek przekazywanej wiadomości|Ursprüngliche Nachricht|Message d'origine|Reply message"
    r"|Исходное сообщение|Оригінальне повідомлення)[^\n]{0,40}?[-_=]{2,}\s*$"
    r"|(?:Początek przekaz(?:yw)?anej wiadomości|Begin forwarded message)\s*:\s*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\*?(Od|From|Von|Nadawca|Wysłan[oey]|Sent|Gesendet|Data|Date|Datum|Do|To|An|Odbiorca|Adresat|DW|UDW|CC|Kopia|Temat"
    r"|Subject|Betreff|Tytuł|Priorytet|Importance|Ważność|Reply-To|Odpowiedź do|Odpowiedz do)\s*\*?\s*:\s*\*?\s*(.*)$",
    re.IGNORECASE,
)
_FROM_LABELS = frozenset({"od", "from", "von", "nadawca"})
_SENT_LABELS = frozenset({"wysłano", "wysłane", "wysłany", "sent", "gesendet"})
_DATE_LABELS = frozenset({"data", "date", "datum"})
_TIME = re.compile(r"\d{1,2}:\d{2}")
_MARK = re.compile(r"[:\-_=]")
_RULER = re.compile(r"\s*[_\-—–=*]{5,}\s*$")

_DEVICE = (
    r"(?:i ?Phon|i ?Pad|iOS|iPod|Mac(?:Book)?|Apple|Android|Galaxy|Samsung|Huawei|Xiaomi|Redmi|Poco|Honor|Motorola|"
    r"LG|Moto|Nokia|Lumia|Sony|Xperia|One ?Plus|Oppo|Realme|vivo|HTC|BlackBerry|Windows|Outlook|Hotmail|Yahoo|Gmail|"
    r"Google|Poczt\w*+(?! Polsk)|Onet|WP|Interia|o2|aplikacj|telefon|smartfon|urządzeni|tablet|komórk|Mail|Proton|"
    r"Thunderbird|K-9|Spark|Tuta|mobil|phone|device|Handy|Смартфон|телефон)"
)
_SENT = (
    r"(?:(?:Wysłan|Nadan|Napisan)[oaey] (?:ze?|za pomocą|przy użyciu|przez|poprzez)|Sent|Отправлено|Надіслано"
    r"|Відправлено|Odesláno|Odoslané|Gesendet|Envoyé|Von meinem|Enviado|Inviato)\b"
)
_SENT_WITH = re.compile(
    rf"{_SENT}(?!.*\b(?:19|20)\d\d\b).{{0,70}}?(?<!\w){_DEVICE}.{{0,120}}$",  # with a year it may be the request itself
    re.IGNORECASE,
)
_ADVERT = re.compile(
    r"(?:Pobierz|Uzyskaj|Zainstaluj|Get|Download|Завантажте|Скачать)\s.{0,40}?\b(?:Outlook|Yahoo|Gmail|BlueMail|Spark)\b.{0,140}$"
    r"|.{0,10}(?:Wolny od wirusów|Bez wirusów|Nie zawiera wirusów|Virus-free)\b.{0,200}$"
    r"|(?:Ta|Niniejsza) wiadomość.{0,40} została sprawdzona .{0,80}(?:antywirus|Avast|wirusów).{0,80}$",
    re.IGNORECASE,
)
_LEGAL_WORDS = ("confidential", "intended", "privileged", "addressee", "poufn", "adresat", "vertraulich")
_LEGAL = re.compile(
    r"(?:the (?:information|contents?) .{0,40}?)?\bthis (?:e-?mail|message|communication|transmission)\b.{0,160}?"
    r"\b(?:confidential|privileged|intended (?:only|solely|exclusively|for)|addressee)"
    r"|if you (?:are not the intended|have received this)\b"
    r"|(?:confidentiality (?:notice|note|statement)|disclaimer)\b"
    r"|(?:niniejsz[aey]|ta|ten|treść (?:tej|niniejszej)|informacje zawarte w)\s.{0,60}?"
    r"(?:wiadomoś|e-?mail|korespondencj|przekaz).{0,200}?"
    r"(?:poufn|prawnie chronion|przeznaczon\w* (?:jest )?(?:wyłącznie|jedynie|tylko)|wyłącznie .{0,30}?adresat)"
    r"|(?:jeżeli|jeśli|w przypadku)\b.{0,30}?\bnie (?:jesteś|są|jest).{0,40}?adresat"
    r"|(?:klauzula|zastrzeżenie) poufności\b"
    r"|diese (?:e-?mail|nachricht)\b.{0,160}?(?:vertraulich|adressat|bestimmt)",
    re.IGNORECASE,
)
"""How a paragraph begins that a firm puts under every letter: whom it is meant for, and who must delete it."""


def cut(text: str) -> str:
    """The text without quoted lines, the line that introduces them, phone signatures, what firms say of confidence, and
    the signature behind "-- ".

    What stands below a quote is kept (bottom posting), unless the mark says that all below is the quote: Outlook's
    block of Od/Wysłano/Do/Temat, "Wiadomość oryginalna", an introducing line without ">" lines behind it.
    Everything cut gives "".
    """
    lines = text.split("\n")
    lines = lines[: _rest_is_quote(lines)]
    lines = _without_attributed(lines)
    lines = [line for line in _without_legal(lines) if not is_client_signature(line)]
    for number, line in enumerate(lines):
        if line.rstrip() == "--":  # RFC 3676 §4.3; webmails lose the space
            del lines[number:]
            break
    return "\n".join(lines).strip("\n ")


def is_client_signature(line: str) -> bool:
    """True for a line that a phone or mail program adds ("Wysłane z iPhone'a", "Pobierz aplikację Outlook...")."""
    line = line.replace("*", "").strip()
    return 5 < len(line) <= _LINE_MAX and bool(_SENT_WITH.match(line) or _ADVERT.match(line))


def _without_legal(lines: list[str]) -> list[str]:
    """Drops what firms say of confidence, to the end of its paragraph."""
    low = "\n".join(lines).lower()
    if not any(word in low for word in _LEGAL_WORDS):
        return lines
    kept: list[str] = []
    legal = False
    for number, line in enumerate(lines):
        begun = " ".join(lines[number : number + 3])[:_LINE_MAX].lstrip(" *_")
        legal = bool(line.strip()) and (legal or _LEGAL.match(begun) is not None)
        if not legal:
            kept.append(line)
    return kept


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _rest_is_quote(lines: list[str]) -> int:
    """Number of the line from which on all is a quote; len(lines) when there is none."""
    for number, line in enumerate(lines):
        if line.startswith(">") or len(line) > _LINE_MAX or not _MARK.search(line):
            continue
        if _ORIGINAL.match(line.lstrip()) or _is_reply_head(lines, number):
            while number and (not lines[number - 1].strip() or _RULER.match(lines[number - 1][:_LINE_MAX])):
                number -= 1
            return number
    return len(lines)


def _is_reply_head(lines: list[str], number: int) -> bool:
    """Outlook's and Interia's head of a quote: From, a moment, and To or Subject, one label a line."""
    first = _LABEL.match(lines[number].lstrip())
    if not first or first[1].lower() not in _FROM_LABELS:
        return False
    found = {first[1].lower()}
    proof = "@" in first[2]
    for line in [line for line in lines[number + 1 : number + 16] if line.strip()][:7]:
        label = _LABEL.match(line.strip()[:_LINE_MAX])
        if not label:
            continue
        if label[1].lower() in found:
            break
        found.add(label[1].lower())
        if label[1].lower() in _DATE_LABELS and _TIME.search(label[2]):
            proof = True
    if found & _SENT_LABELS:
        return len(found) >= 3 or proof
    return proof and bool(found & _DATE_LABELS) and len(found) >= 3


def _without_attributed(lines: list[str]) -> list[str]:
    """Drops ">" lines and the "X napisał(a):" before them; without ">" lines behind it, all that follows it too."""
    kept: list[str] = []
    for number, line in enumerate(lines):
        if _is_quoted(line):
            continue
        start = _attribution(kept, line)
        if start is None:
            kept.append(line)
            continue
        del kept[start:]
        following = next((later for later in lines[number + 1 :] if later.strip()), "")
        if following and not _is_quoted(following):
            break
    return kept


def _attribution(kept: list[str], line: str) -> int | None:
    """Index in ``kept`` from which an introducing line that ends with ``line`` starts (it may be folded), or None."""
    if len(line) > _LINE_MAX or not line.rstrip().endswith(":"):
        return None
    weak = None
    for before in range(3):
        start = len(kept) - before
        if start < 0 or (before and not kept[start].strip()):
            break
        whole = " ".join([*kept[start:], line]).strip()
        if len(whole) > _LINE_MAX:
            break
        if _APPLE.match(whole) or _VERB_INSIDE.match(whole):
            return start
        if _VERB_END.search(whole) and _DATE_OR_ADDRESS.search(whole):
            if _ATTRIBUTION_START.match(whole):
                return start
            if weak is None and _ANGLE_ADDRESS.search(line):
                weak = start
    return weak
