"""The running REST API against its own OpenAPI document: what schemathesis makes of that, sent over HTTP."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from mailbot.api import schema
from mailbot.api.app import build
from mailbot.api.context import ApiContext
from mailbot.config import ApiSettings
from mailbot.http.listener import listen
from mailbot.model import Role
from mailbot.operators import tokens
from mailbot.storage.database import Database
from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata
from tests.bench_desk import Bench

EXAMPLES = 8
"""Of each operation, beside those that cover every keyword of the document."""


CONFIG = """
[checks.missing_required_header]
expected-statuses = [400, 428]  # RFC 6585 §3
"""


async def test_the_api_is_what_its_document_says(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    metadata.create_all(engine)
    bench, database = Bench(engine, fill=True), Database(engine)
    bench.question()
    bench.review_a()
    with engine.begin() as connection:
        now = bench.clock()
        token = tokens.add(connection, "shell:root", "csd", [Role.SUPERVISOR], (), "en", 30, now)
    chosen = replace(bench.flow.settings, api=ApiSettings("127.0.0.1:0", attempts_per_minute=1_000_000))
    server = await listen(build(ApiContext(chosen, database, bench.clock, bench.flow)), "127.0.0.1", 0)
    (tmp_path / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    document = tmp_path / "openapi.json"
    document.write_text(schema.text(), encoding="utf-8")
    # it refuses what does not fit and what is out of date: that a body fits the document does not mean it is done
    options = ["--checks=all", "--exclude-checks=positive_data_acceptance", "--phases=examples,coverage,fuzzing"]
    options += [f"--max-examples={EXAMPLES}", "--seed=1", "--generation-deterministic", "--no-color"]
    options += [f"--header=Authorization: Bearer {token}", f"--url=http://127.0.0.1:{server.address[1]}"]
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", *options]
    process = await asyncio.create_subprocess_exec(
        *command,
        str(document),
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    await server.close()
    await database.close()
    assert process.returncode == 0, told.decode()[-6000:]
