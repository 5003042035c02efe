"""docs/openapi.json is what the code says, and docs/api.md does as it is told there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from mailbot.api import schema
from mailbot.api.app import build
from mailbot.api.context import ApiContext
from mailbot.api.problems import _DETAILS
from mailbot.api.table import OPERATIONS
from mailbot.http.listener import listen
from mailbot.observe import utc_now
from mailbot.storage.database import Database
from mailbot.storage.engine import connect, migrate
from tests.bench_desk import SECRET, Bench
from tests.support import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def test_the_committed_document_is_that_of_the_code() -> None:
    """Mend: mailbot api schema > docs/openapi.json"""
    assert (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8") == schema.text()


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (str(one) for name, one in value.items() if name == "$ref")
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def test_the_document_names_what_it_holds() -> None:
    document = json.loads(schema.text())
    for reference in set(_references(document)):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(OPERATIONS)
    statuses = {status for one in operations for status in one["responses"]}
    told = set(re.findall(r"\d{3}", PAGE.partition("| status | means")[2].partition("```")[0]))
    assert statuses - {"200", "304"} == told
    assert {str(status) for status in _DETAILS} - {"405"} <= statuses


@pytest.mark.skipif(shutil.which("curl") is None and "MAILBOT_CI" not in os.environ, reason="curl is not installed")
async def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mailbot.db"
    (tmp_path / "mailbot.key").write_bytes(SECRET.key)
    (tmp_path / "mailbot.toml").write_text(f'[database]\nurl = "{url}"\n', encoding="utf-8")
    (tmp_path / ".curlrc").write_text('write-out = "\\n%{http_code}\\n"\n', encoding="utf-8")
    migrate(engine := connect(url))
    bench, database = Bench(engine, fill=True), Database(engine)
    bench.clock.now = utc_now()
    bench.question()
    app: web.Application = build(ApiContext(bench.flow.settings, database, utc_now, bench.flow))
    server = await listen(app, "127.0.0.1", 0)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "CURL_HOME": str(tmp_path), "API": f"http://127.0.0.1:{server.address[1]}/api/v1"}
    making, *rest = BLOCKS
    token, _ = await _run(making + 'echo "$TOKEN"', env, tmp_path)
    env["TOKEN"] = token.strip()
    assert len(rest) >= 7
    for block in rest:
        (wanted,) = re.findall(r"^# (\d{3})$", block, re.MULTILINE)
        told, code = await _run(block, env, tmp_path)
        found = re.findall(r"^(\d{3})$", told, re.MULTILINE)
        assert (code, set(found), len(found)) == (0, {wanted}, block.count("\ncurl ")), f"{block}\n{told}"
    await server.close()
    await database.close()
    assert bench.events().count("note") == 1


async def _run(script: str, env: dict[str, str], folder: Path) -> tuple[str, int | None]:
    process = await asyncio.create_subprocess_exec(
        "bash", "-eu", "-c", script, env=env, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    return told.decode(), process.returncode
