"""/metrics: who may read it, and in which form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from mailbot import config
from mailbot.config import WebSettings
from mailbot.errors import ConfigError
from mailbot.storage.database import Database
from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata
from mailbot.web import metrics

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
Serve = Callable[..., AbstractAsyncContextManager[TestClient[web.Request, web.Application]]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    @asynccontextmanager
    async def serving(*networks: str) -> AsyncIterator[TestClient[web.Request, web.Application]]:
        engine = connect(f"sqlite:///{tmp_path}/mailbot.db")
        metadata.create_all(engine)
        database = Database(engine)
        app = web.Application()
        settings = WebSettings(metrics=networks) if networks else WebSettings()
        app.add_routes(metrics.routes(database, settings, lambda: NOW))
        async with TestClient(TestServer(app)) as client:
            yield client
        await database.close()

    return serving


async def test_a_program_on_this_machine_may_read_it(serve: Serve) -> None:
    async with serve() as client, client.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        names = {family.name for family in plain(await answer.text())}
    assert "mailbot_tickets_late" in names


async def test_openmetrics_is_spoken_to_those_who_ask_for_it(serve: Serve) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with serve() as client, client.get("/metrics", headers=accept) as answer:
        assert answer.content_type == "application/openmetrics-text"
        families = list(openmetrics(await answer.text()))  # type: ignore[no-untyped-call]
    assert {family.type for family in families} == {"gauge", "info", "counter", "histogram"}
    assert all(family.documentation for family in families)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "x-forwarded-proto"])
async def test_nobody_reads_it_through_a_proxy(serve: Serve, header: str) -> None:
    async with serve() as client, client.get("/metrics", headers={header: "127.0.0.1"}) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(("network", "status"), [("10.0.0.0/8", 404), ("::1/128", 404), ("127.0.0.1", 200)])
async def test_only_the_networks_of_the_setting_read_it(serve: Serve, network: str, status: int) -> None:
    async with serve(network) as client, client.get("/metrics") as answer:
        assert answer.status == status


async def test_a_database_that_does_not_answer_is_no_zero(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_PATIENCE", 0)
    async with serve() as client, client.get("/metrics") as answer:
        assert answer.status == 503


def test_a_network_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text('[web]\nmetrics = ["127.0.0.1/8"]\n')
    with pytest.raises(ConfigError, match=r"\[web\] metrics: '127.0.0.1/8' is no network; mend: "):
        config.load(file, {})
