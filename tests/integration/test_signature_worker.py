"""The locked process says of every file what the same code says without a lock: nothing that it needs is shut out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fixtures.signing import asic, cms, cms_writer, pdf, xades
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.pdf_sign import STAMP, PdfStyle, sign, with_store
from fixtures.signing.pki import NOW, Pki
from mailbot.signatures.report import Verdict
from mailbot.signatures.trust import store
from mailbot.signatures.verify import verify
from mailbot.signatures.worker import Workers
from tests.once import shipped

PKI = Pki()
AT = NOW + timedelta(hours=1)
RULES = shipped().signatures


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    PKI.write_trust(tmp_path)
    async with Workers(1, {"trust": str(tmp_path)}, readable=[tmp_path], pesel_hash=str) as found:
        yield found


def lasting() -> bytes:
    """B-LTA: what was added after signing is compared, by a module that is loaded then."""
    own = sign(pdf.base(b"Wniosek"), [PKI.person()], PdfStyle(CmsStyle(timestamp=PKI.tsa, stamped_at=NOW), when=NOW))
    made = with_store(own, [], [PKI.crl()])
    return bytes(sign(made, [PKI.tsa], PdfStyle(CmsStyle(stamped_at=NOW), STAMP, field="Stamp")).data)


def files() -> Iterator[tuple[str, bytes, bytes | None]]:
    yield "lasting", lasting(), None
    for module in (pdf, xades, cms, asic):
        for name, shape in module.SHAPES.items():
            made = shape(PKI, PKI.person(), b"Wniosek")
            yield f"{module.__name__} {name}", made.data, made.content


async def test_a_large_file_that_many_signed_comes_back_once(workers: Workers) -> None:
    """Each report has it; the answer to sixteen of 28 MB would be longer than any may be."""
    text = b"Wniosek " * 1_750_000
    data = cms_writer.write(text, [PKI.person()] * 16, CmsStyle(detached=False))
    reports = await workers.verify_isolated([("wniosek.p7m", data)], AT, RULES)
    assert len(reports) == 16
    assert all(report.payload == text for report in reports)
    assert {report.verdict for report in reports} == {Verdict.MANUAL}


async def test_every_shape_is_judged_alike_behind_the_lock(workers: Workers, tmp_path: Path) -> None:
    trust = store.load(tmp_path)
    for name, data, content in files():
        locked = await workers.verify_isolated([(name, data)], AT, RULES, content)
        assert locked == verify([(name, data)], trust, RULES, AT, content=content, pesel_hash=str), name
        assert [one.verdict for one in locked] == [Verdict.ACCEPT], name
