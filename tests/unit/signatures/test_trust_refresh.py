"""``trust update``: only listed addresses, only authentic files, all or nothing."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fixtures.signing.pki import NOW, Pki
from mailbot.errors import TrustRefused, TrustSourceUnavailable
from mailbot.signatures.trust import refresh, store
from mailbot.signatures.trust.refresh import crl_name, download, update
from tests.trusted_lists import LOTL_URL, POLISH_URL, Edition, Service, list_of_lists, list_signer, polish_list

EU, PL, STRANGER = list_signer("EU"), list_signer("PL"), list_signer("obca")
PKI = Pki()
CRL_URL = "http://crl.ca.example/q.crl"
ADMIN_URL = "http://crl.seal.example/s.crl"
SERVICES = (
    Service(PKI.authority("qualified").certificate, supply=(CRL_URL,)),
    Service(PKI.authority("seal").certificate),
)
POLISH = polish_list(PL, Edition(services=SERVICES))
ALL = {
    LOTL_URL: list_of_lists(EU, PL),
    POLISH_URL: POLISH,
    CRL_URL: PKI.crl("qualified"),
    ADMIN_URL: PKI.crl("seal"),
}


class Network:
    """The world as seen by ``update``: what it asked, and no more than it may have."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def __call__(self, url: str, limit: int) -> bytes:
        self.asked.append(url)
        if url not in self.pages:
            raise TrustSourceUnavailable(f"{url}: no route")
        assert len(self.pages[url]) <= limit
        return self.pages[url]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "anchors" / "lotl").mkdir(parents=True)
    (tmp_path / "anchors" / "lotl" / "eu.pem").write_bytes(EU.pem)
    return tmp_path


def run(folder: Path, pages: dict[str, bytes]) -> tuple[dict[str, bool], list[str]]:
    network = Network(pages)
    steps = update(folder, LOTL_URL, [ADMIN_URL], NOW, network)
    assert not list(folder.rglob(".*"))  # nothing half written
    return {step.url: step.failure is None for step in steps}, network.asked


def test_from_nothing_to_everything(folder: Path) -> None:
    done, asked = run(folder, ALL)
    assert done == dict.fromkeys(ALL, True)
    assert asked == list(ALL)
    trust = store.load(folder, NOW)
    assert trust.problems == ()
    assert [(i.territory, i.sequence) for i in trust.lists] == [("EU", 7), ("PL", 7)]
    assert sorted(trust.revocation.crls) == sorted([crl_name(CRL_URL), crl_name(ADMIN_URL)])
    assert (folder / "pl.xml").stat().st_mode & 0o777 == 0o644


def test_without_the_list_of_lists_nothing_else_is_asked_but_the_admins_crl(folder: Path) -> None:
    done, asked = run(folder, {})
    assert done == {LOTL_URL: False, ADMIN_URL: False}
    assert asked == [LOTL_URL, ADMIN_URL]
    assert not (folder / "lotl.xml").exists()


def test_an_old_list_of_lists_still_leads_on(folder: Path) -> None:
    run(folder, ALL)
    newer = polish_list(PL, Edition(sequence=8, services=SERVICES))
    done, _ = run(folder, {**ALL, POLISH_URL: newer} | {LOTL_URL: b"<html>wait</html>"})
    assert done[LOTL_URL] is False
    assert done[POLISH_URL] is True
    assert [i.sequence for i in store.load(folder, NOW).lists] == [7, 8]


@pytest.mark.parametrize(
    ("url", "page"),
    [
        (LOTL_URL, list_of_lists(STRANGER, PL)),
        (LOTL_URL, list_of_lists(EU, PL, Edition(next_update=NOW - timedelta(seconds=1)))),
        (LOTL_URL, list_of_lists(EU, PL, Edition(sequence=6))),
        (LOTL_URL, b""),
        (POLISH_URL, polish_list(STRANGER, Edition(services=SERVICES))),
        (POLISH_URL, polish_list(PL, Edition(sequence=6, services=SERVICES))),
        (POLISH_URL, polish_list(PL, Edition(next_update=None, services=SERVICES))),
        (POLISH_URL, POLISH.replace(b"granted", b"grantex")),
        (CRL_URL, PKI.crl("qualified", "forged")),
        (CRL_URL, PKI.crl("fake")),
        (CRL_URL, PKI.crl("qualified", "stale")),
        (CRL_URL, PKI.crl("customs")),
        (CRL_URL, b"<html>not found</html>"),
    ],
)
def test_what_is_not_good_leaves_the_old_file(url: str, page: bytes, folder: Path) -> None:
    run(folder, ALL)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    done, _ = run(folder, {**ALL, url: page})
    assert done == {**dict.fromkeys(ALL, True), url: False}
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_an_older_crl_does_not_come_back(folder: Path) -> None:
    newer = Pki(NOW + timedelta(minutes=30))
    run(folder, {**ALL, CRL_URL: newer.crl("qualified")})
    done, _ = run(folder, ALL)
    assert done[CRL_URL] is False


@pytest.mark.parametrize("url", ["http://tsl.example/pl.xml", "file:///etc/passwd", "ftp://tsl.example/pl.xml"])
def test_lists_come_over_https_only(url: str, folder: Path) -> None:
    done, asked = run(folder, {**ALL, LOTL_URL: list_of_lists(EU, PL, url=url), url: POLISH})
    assert done[url] is False
    assert url not in asked


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd.crl", "ldap://crl.ca.example/q.crl", "http://a:b@crl.example/q.crl"]
)
def test_crls_come_over_http_only(url: str, folder: Path) -> None:
    listed = polish_list(PL, Edition(services=(replace(SERVICES[0], supply=(url,)), SERVICES[1])))
    done, asked = run(folder, {**ALL, POLISH_URL: listed, url: PKI.crl("qualified")})
    assert done[url] is False
    assert url not in asked


@pytest.mark.parametrize(
    "url", ["http://crl.example/../../etc/x.crl", "http://CRL.example/a?b=/c", "http://x.example/" + "a" * 999]
)
def test_a_name_for_a_crl_stays_in_its_folder(url: str) -> None:
    name = crl_name(url)
    assert Path(name).name == name
    assert name.endswith(".crl")
    assert len(name) < 100


# ---------------------------------------------------------------------------------------------- the download itself


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
        elif self.path == "/good":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"x" * 100_000)
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


def test_a_download(server: str) -> None:
    assert download(f"{server}/good", 100_000) == b"x" * 100_000


@pytest.mark.parametrize(
    ("path", "limit", "fault"),
    [("/good", 99_999, "larger than"), ("/moved", 100_000, "redirect"), ("/nothing", 100_000, "404")],
)
def test_a_download_that_is_refused(path: str, limit: int, fault: str, server: str) -> None:
    with pytest.raises(TrustSourceUnavailable, match=fault):
        download(server + path, limit)


def test_a_download_ends_at_its_deadline(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "_DEADLINE", -1.0)
    with pytest.raises(TrustSourceUnavailable, match="not finished"):
        download(f"{server}/good", 100_000)


def test_nobody_there() -> None:
    with pytest.raises(TrustSourceUnavailable):
        download("http://127.0.0.1:1/x", 10)


def test_a_step_that_failed_names_its_kind(folder: Path) -> None:
    steps = update(folder, LOTL_URL, [], NOW, Network({LOTL_URL: b"rubbish"}))
    assert isinstance(steps[0].failure, TrustRefused)
    assert steps[0].told.startswith("kept as it was: ")
