"""Workers that hang, burst, fall or lie: the parent gives a report for a person each time and goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fixtures.signing import cms, xades
from fixtures.signing.pki import Pki
from mailbot.errors import ConfigError
from mailbot.secret import Secret
from mailbot.signatures.report import Integrity, SignatureReport, Verdict
from mailbot.signatures.worker import Bounds, Workers
from mailbot.text.pesel import keyed_hash
from tests.chaos import worker_jobs
from tests.once import shipped

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
RULES = shipped().signatures


def workers(bounds: Bounds | None = None, count: int = 1, settings: Mapping[str, Any] | None = None) -> Workers:
    return Workers(count, settings or {}, handler=f"{worker_jobs.__name__}:factory", bounds=bounds or Bounds())


async def ask(pool: Workers, words: str, *more: str) -> tuple[SignatureReport, ...]:
    return await pool.verify_isolated([("a.pdf", words.encode()), *((name, b"") for name in more)], NOW, RULES)


async def told(pool: Workers, words: str) -> str:
    (report,) = await ask(pool, words)
    return report.flags[0]


@pytest.mark.parametrize(
    ("job", "cause"),
    [
        ("hang", "deadline"),
        ("sleep", "deadline"),
        ("abort", "died"),
        ("exit", "died"),
        ("native-bomb", "died"),
        ("bomb", "memory"),
        ("raise", "failed"),
        ("recurse", "failed"),
        ("garbage", "garbage"),
        ("flood", "garbage"),
        ("deep", "garbage"),
        ("half", "died"),
        ("no-reports", "garbage"),
        ("strange-report", "garbage"),
        ("other-file", "garbage"),
    ],
)
async def test_failed_job_is_for_a_person_and_the_next_job_works(job: str, cause: str) -> None:
    async with workers(Bounds(deadline=2.0 if cause == "deadline" else 20.0)) as pool:
        reports = await ask(pool, job, "b.xml")
        assert [(r.file, r.verdict, r.reasons[0].code) for r in reports] == [
            ("a.pdf", Verdict.MANUAL, "WORKER_FAILED"),
            ("b.xml", Verdict.MANUAL, "WORKER_FAILED"),
        ]
        assert {r.flags for r in reports} == {(cause,)}
        assert reports[0].reasons[0].text_pl.endswith(".")
        pool.bounds = Bounds()  # the next one may wait for the machine
        assert await told(pool, "ok fine") == "fine"


async def test_a_job_may_take_so_much_beyond_what_the_worker_has() -> None:
    async with workers(Bounds(job=100_000_000)) as pool:
        assert await told(pool, "take 60") == "60"
        assert await told(pool, "take 120") == "memory"
        assert await told(pool, "take 60") == "60"


async def test_busy_processor_ends_before_the_deadline() -> None:
    async with workers(Bounds(deadline=60.0, processor=1)) as pool:
        started = time.monotonic()
        assert await told(pool, "hang") == "deadline"
        assert time.monotonic() - started < 50


async def test_event_loop_runs_on_while_a_worker_hangs() -> None:
    async with workers() as pool:
        assert await told(pool, "ok x") == "x"  # it is there
        job = asyncio.create_task(ask(pool, "sleep"))
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert not job.done()
        job.cancel()
        await asyncio.wait([job])


async def test_many_jobs_at_once_share_the_workers() -> None:
    async with workers(count=2) as pool:
        answers = await asyncio.gather(*(ask(pool, f"ok {number}") for number in range(40)))
    assert [a[0].flags[0] for a in answers] == [str(number) for number in range(40)]
    assert len({a[0].flags[2] for a in answers}) <= 2


async def test_a_failure_hits_its_own_job_only() -> None:
    async with workers(count=2) as pool:
        answers = await asyncio.gather(*(ask(pool, "abort" if n % 4 == 1 else f"ok {n}") for n in range(16)))
    assert [a[0].flags[0] for a in answers] == ["died" if n % 4 == 1 else str(n) for n in range(16)]


async def test_old_worker_is_replaced() -> None:
    async with workers(Bounds(jobs=3)) as pool:
        answers = [(await ask(pool, "ok x"))[0] for _ in range(7)]
    assert [r.flags[1] for r in answers] == ["1", "2", "3", "1", "2", "3", "1"]


async def test_fat_worker_is_replaced() -> None:
    async with workers() as pool:
        assert await told(pool, "ok x") == "x"
        (fat,) = await ask(pool, "fat")
        (after,) = await ask(pool, "ok x")
    assert fat.flags[0] == "fat"
    assert (after.flags[1], after.flags[2] != fat.flags[2]) == ("1", True)


@pytest.mark.parametrize("door", sorted(worker_jobs.DOORS))
async def test_door_is_closed(door: str) -> None:
    async with workers() as pool:
        assert await told(pool, f"forbidden {door}") in ("PermissionError", "BlockingIOError", "FileNotFoundError")


async def test_what_a_library_prints_is_no_answer() -> None:
    async with workers() as pool:
        assert await told(pool, "print hello") == "printed"


async def test_secrets_of_the_environment_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILBOT_DATABASE_URL", "postgresql://user:secret@db.example/")
    async with workers() as pool:
        assert await told(pool, "environment MAILBOT_DATABASE_URL") == "unset"


async def test_cancelled_job_leaves_no_process() -> None:
    async with workers() as pool:
        (report,) = await ask(pool, "ok x")
        pid = int(report.flags[2])
        job = asyncio.create_task(ask(pool, "sleep"))
        await asyncio.sleep(0.1)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert await told(pool, "ok again") == "again"


async def test_worker_that_nobody_needs_is_ended_and_the_next_job_starts_one() -> None:
    async with workers(Bounds(idle=0.2)) as pool:
        (first,) = await ask(pool, "ok x")
        handle, ended = os.pidfd_open(int(first.flags[2])), asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, ended.set)
        await asyncio.wait_for(ended.wait(), 20)
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)
        assert pool.works()
        (second,) = await ask(pool, "ok x")
    assert (second.flags[1], second.flags[2] != first.flags[2]) == ("1", True)


async def test_close_ends_the_processes() -> None:
    async with workers() as pool:
        (report,) = await ask(pool, "ok x")
    with pytest.raises(ProcessLookupError):
        os.kill(int(report.flags[2]), 0)


async def test_wrong_settings_are_told_to_the_admin_at_the_start() -> None:
    async with workers(settings={"wrong": True}) as pool:
        with pytest.raises(ConfigError, match="the settings are wrong"):
            await pool.start()
        assert (await ask(pool, "ok x"))[0].flags == ("start",)


async def test_handler_that_does_not_exist() -> None:
    async with Workers(1, {}, handler="mailbot.signatures.nowhere:nothing") as pool:
        with pytest.raises(ConfigError):
            await pool.start()
        assert (await ask(pool, "ok x"))[0].reasons[0].code == "WORKER_FAILED"


def verifiers(trust: Path | None, pesel_hash: Callable[[str], str] | None = None) -> Workers:
    """As the bot has them."""
    return Workers(
        1, {"trust": str(trust) if trust else None}, readable=[trust] if trust else [], pesel_hash=pesel_hash
    )


PKI = Pki(NOW)
PAYLOAD = b"Wniosek: nowy adres jan.nowy@poczta.example"


async def test_verifier_reads_the_trust_folder_again_when_it_has_changed(tmp_path: Path) -> None:
    files = [("wniosek.p7m", cms.SHAPES["attached"](PKI, PKI.person(), PAYLOAD).data)]
    async with verifiers(tmp_path) as pool:
        assert (await pool.verify_isolated(files, NOW, RULES))[0].verdict is Verdict.MANUAL
        PKI.write_trust(tmp_path)
        (report,) = await pool.verify_isolated(files, NOW, RULES)
        assert (report.verdict, report.payload, report.reasons) == (Verdict.ACCEPT, PAYLOAD, ())
        shutil.rmtree(tmp_path)
        assert (await pool.verify_isolated(files, NOW, RULES))[0].verdict is Verdict.MANUAL


async def test_pesel_is_hashed_outside_and_stays_inside_without_a_key(tmp_path: Path) -> None:
    PKI.write_trust(tmp_path)
    secret = Secret(bytes(32))
    files = [("wniosek.xml", xades.SHAPES["pz-new"](PKI, PKI.person(), PAYLOAD).data)]
    number = PKI.person().person.pesel
    for pesel_hash, wanted in ((None, None), (partial(keyed_hash, secret), keyed_hash(secret, number))):
        async with verifiers(tmp_path, pesel_hash) as pool:
            (report,) = await pool.verify_isolated(files, NOW, RULES)
        assert report.signer is not None
        assert (report.verdict, report.signer.pesel_hash) == (Verdict.ACCEPT, wanted)
        assert number not in repr(report)


async def test_content_from_elsewhere() -> None:
    made = cms.SHAPES["detached"](PKI, PKI.person(), PAYLOAD)
    async with verifiers(None) as pool:
        (alone,) = await pool.verify_isolated([("a.p7s", made.data)], NOW, RULES)
        (paired,) = await pool.verify_isolated([("a.p7s", made.data)], NOW, RULES, PAYLOAD)
    assert (alone.integrity, paired.integrity) == (Integrity.UNREADABLE, Integrity.OK)


async def test_each_job_is_judged_by_the_rules_that_come_with_it(tmp_path: Path) -> None:
    PKI.write_trust(tmp_path)
    files = [("wniosek.p7m", cms.SHAPES["attached"](PKI, PKI.person(), PAYLOAD).data)]
    async with verifiers(tmp_path) as pool:
        (before,) = await pool.verify_isolated(files, NOW, RULES)
        (after,) = await pool.verify_isolated(files, NOW, replace(RULES, accept=frozenset({"TRUSTED_PZ"})))
        (again,) = await pool.verify_isolated(files, NOW, RULES)
    assert [r.verdict for r in (before, after, again)] == [Verdict.ACCEPT, Verdict.REJECT, Verdict.ACCEPT]
    assert [reason.code for reason in after.reasons] == ["KIND_NOT_ACCEPTED"]
