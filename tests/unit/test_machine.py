"""Names of processes: two containers of one host must not have one name, nor take each other for dead."""

from __future__ import annotations

import os
import socket

import pytest

from mailbot import machine


def named(monkeypatch: pytest.MonkeyPatch, namespace: int, pid: int = 1) -> str:
    monkeypatch.setattr(machine, "_namespace", lambda: namespace)
    monkeypatch.setattr(os, "getpid", lambda: pid)
    try:
        return machine.own_name()
    finally:
        monkeypatch.undo()


def test_containers_with_the_name_of_their_host_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    outside, first, second = (named(monkeypatch, n) for n in (machine._FIRST, 4026532201, 4026532444))
    assert outside == f"{socket.gethostname()[:80]}:1"
    assert len({outside, first, second}) == 3


def test_a_process_in_another_container_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    here, gone = machine.own_name(), 2**22 + 1  # above any number of Linux
    assert not machine.is_dead(here)
    assert machine.is_dead(f"{here.rpartition(':')[0]}:{gone}")
    assert not machine.is_dead(named(monkeypatch, 4026532201, gone))
