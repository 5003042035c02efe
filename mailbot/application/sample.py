"""A page that the reader must be able to read wherever it is installed: one that cannot would refuse every citizen."""

from __future__ import annotations

from mailbot.application.data import Application

MEND = "install mailbot anew from requirements.lock and run `mailbot doctor`"
APPLICATION = Application("Adam", "Nowak", "adam@stara.example", "adam@nowa.example")
_LINES = (
    "Wniosek o nadanie nowego hasla awaryjnego oraz loginu do konta PUESC",
    "Imie: Adam",
    "Nazwisko: Nowak",
    "Dotychczasowy login: adam@stara.example",
    "Nowy adres e-mail: adam@nowa.example",
)


def build() -> bytes:
    """One A4 page in Helvetica, which every reader has (ISO 32000-2 §9.6.2.2)."""
    shown = " T* ".join(f"({line}) Tj" for line in _LINES)
    content = f"BT /F1 14 Tf 30 TL 60 760 Td {shown} ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
    )
    out, offsets = "%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    start, size = len(out), len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n" + "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    return f"{out}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
