"""What all mails have in common is kept once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot import packing
from mailbot.errors import ConfigError, SealBroken
from mailbot.model import MailKind
from mailbot.service import compose
from tests.flow import settings
from tests.unit.mails.letters import LETTER, WRITER


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    yield
    packing._common.cache_clear()
    packing._packer.cache_clear()


@given(st.binary(max_size=3000))
def test_what_is_packed_comes_back(plain: bytes) -> None:
    assert packing.unpacked(packing.packed(plain)) == plain


def test_the_octets_that_seals_rest_on_are_what_they_were() -> None:
    assert hashlib.sha256(packing._FILE.read_bytes()).hexdigest() == (
        "2b3f79e18fe126d0bf623f532d64d0b49396dc685d365f302a4fc9f371ef7b9e"
    )
    packed = bytes.fromhex("c3d283049674c0920194031579b900")
    assert packing.unpacked(packed) == b"MIME-Version: 1.0\r\n\r\nSzanowni!\r\n"


def test_of_our_mails_little_is_left() -> None:
    for kind in (MailKind.T1, MailKind.T2A, MailKind.T3):
        raw = WRITER.outgoing(kind, LETTER).raw
        assert len(packing.packed(raw)) < len(raw) / 8, kind


@pytest.mark.parametrize("left", [b"x", None])
def test_a_damaged_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: bytes | None) -> None:
    packing._common.cache_clear()
    monkeypatch.setattr(packing, "_FILE", tmp_path / "packing.bin")
    if left:
        packing._FILE.write_bytes(left)
    with pytest.raises(SealBroken, match="mend: install mailbot anew"):
        packing.unpacked(b"")
    with pytest.raises(ConfigError, match="mend: install mailbot anew"):  # before it takes mails, and buries them
        compose.build(settings(f"sqlite:///{tmp_path / 'db'}", tmp_path / "key", 1))
