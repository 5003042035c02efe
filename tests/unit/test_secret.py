"""The key of an installation: its file, and what is sealed with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot import secret
from mailbot.errors import ConfigError, SealBroken
from mailbot.secret import Hiding, Secret

KEY = Secret(b"k" * 32)
PLAIN = b"Subject: x\r\n\r\n44051401359\r\n"


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_is_sealed_comes_back_and_cannot_be_read(plain: bytes, context: bytes) -> None:
    sealed = KEY.seal("test", plain, context)
    assert KEY.unseal("test", sealed, context) == plain
    assert len(plain) < 4 or plain not in sealed.removeprefix(b"\0mailbot sealed ")
    assert KEY.seal("test", plain, context) != sealed, "the nonce is used once"


@given(st.integers(0, 7), st.data())
def test_a_changed_bit_is_noticed(bit: int, data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal("test", PLAIN, b""))
    place = data.draw(st.integers(sealed.index(b"\x01"), len(sealed) - 1))
    sealed[place] ^= 1 << bit
    with pytest.raises(SealBroken, match="mend: "):
        KEY.unseal("test", bytes(sealed), b"")


@pytest.mark.parametrize("length", range(len(KEY.seal("test", b"", b"")) - 17, len(KEY.seal("test", b"", b""))))
def test_what_was_cut_off_is_noticed(length: int) -> None:
    with pytest.raises(SealBroken):
        KEY.unseal("test", KEY.seal("test", b"", b"")[:length], b"")


@pytest.mark.parametrize(
    ("other", "purpose", "context"),
    [(Secret(b"j" * 32), "test", b"c"), (KEY, "another", b"c"), (KEY, "test", b"d")],
    ids=["key", "purpose", "context"],
)
def test_only_the_same_key_purpose_and_context_open_it(other: Secret, purpose: str, context: bytes) -> None:
    with pytest.raises(SealBroken, match=r"\[secret\] key_file: .*; mend: "):
        other.unseal(purpose, KEY.seal("test", PLAIN, b"c"), context)


def test_what_was_written_before_there_were_seals_is_read_as_it_is() -> None:
    assert KEY.unseal("test", PLAIN, b"") == PLAIN


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "key"
    made = secret.load(file)
    assert secret.load(file) == secret.read(file) == made
    assert file.stat().st_mode & 0o777 == 0o600
    assert repr(made.key) not in repr(made)


def test_a_command_that_only_reads_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mend: name the file that mailbot run uses"):
        secret.read(tmp_path / "key")
    assert not (tmp_path / "key").exists()


def test_a_key_of_another_size_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ConfigError, match="has 5 bytes, not 32; mend: "):
        secret.load(tmp_path / "key")


@pytest.mark.parametrize("purpose", ["bounce", "pesel", "thread"])
def test_what_lies_outside_keeps_the_eldest_key(purpose: str) -> None:
    newer = Secret(b"n" * 32, former=(b"m" * 32, KEY.key))
    assert newer.mac(purpose, "x") == KEY.mac(purpose, "x")
    assert newer.mac("activation", "x") == Secret(b"n" * 32).mac("activation", "x")


def test_each_earlier_key_opens_what_it_sealed(tmp_path: Path) -> None:
    secret.load(tmp_path / "key")
    sealed = [secret.read(tmp_path / "key").seal("test", PLAIN, b"c")]
    sealed += [secret.put_new_first(tmp_path / "key").seal("test", PLAIN, b"c") for _ in range(2)]
    ring = secret.read(tmp_path / "key")
    assert len({ring.key, *ring.former}) == 3
    assert [ring.unseal("test", one, b"c") for one in sealed] == [PLAIN] * 3
    assert not any(repr(key) in repr(ring) for key in (ring.key, *ring.former))
    with pytest.raises(SealBroken):
        Secret(ring.key).unseal("test", sealed[0], b"c")


class Keys:
    """A store of one key."""

    def fresh(self) -> bytes:
        return b"i" * 16

    def find(self, key_id: bytes) -> bytes:
        assert key_id == b"i" * 16
        return b"d" * 32

    def ready(self, key_ids: Iterable[bytes]) -> None:
        """It is."""

    def check(self) -> None:
        """It is there."""

    def close(self) -> None:
        """Nothing is open."""


OPEN = Secret(b"k" * 32, store=Keys())
HIDES = replace(OPEN, hiding=Hiding.BEGUN)
DEFLATED = bytes.fromhex(
    "006d61696c626f74207365616c6564200369696969696969696969696969696969a"
    "d85568fd484533b95beef1bd1a53bfbe191df91880e2db0ed303f09d1eff3084a21"
)
"""256 times "a" as it was sealed for "test" and b"c" before mailbot.packing."""


@pytest.mark.parametrize("plain", [b"", b"a" * 255, b"a" * 256, b"a" * 65_535, b"a" * 65_536, bytes(range(256)) * 3])
@pytest.mark.parametrize(("by", "to"), [(HIDES, HIDES), (HIDES, OPEN), (OPEN, HIDES)])
def test_what_is_deflated_before_it_is_sealed_comes_back(plain: bytes, by: Secret, to: Secret) -> None:
    sealed = by.seal("test", plain, b"c", by.fresh())
    assert to.unseal("test", sealed, b"c") == plain
    assert (len(sealed) < len(plain)) == (by is HIDES and 256 <= len(plain) < 65_536)
    assert secret.key_of(sealed) == secret.key_of(sealed[: secret.HEAD]) == b"i" * 16


def test_only_where_no_older_program_reads_it_is_it_deflated() -> None:
    sealed = OPEN.seal("test", b"a" * 1000, b"", OPEN.fresh())
    assert sealed.startswith(secret.SEALED + b"\x02")
    assert HIDES.seal("test", b"a" * 1000, b"", OPEN.fresh()).startswith(secret.SEALED + b"\x04")


def test_what_was_deflated_by_itself_still_opens() -> None:
    assert OPEN.unseal("test", DEFLATED, b"c") == b"a" * 256
    assert secret.key_of(DEFLATED) == b"i" * 16


@pytest.mark.parametrize("version", [b"\x02", b"\x03", b"\x04"])
def test_nobody_makes_a_deflated_content_another_one(version: bytes) -> None:
    by = HIDES if version == b"\x02" else OPEN
    sealed = by.seal("test", b"a" * 1000, b"", by.fresh())
    place = len(secret.SEALED)
    with pytest.raises(SealBroken):
        HIDES.unseal("test", sealed[:place] + version + sealed[place + 1 :], b"")
