"""Locks, make targets and container files, checked without installing or starting anything."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from mailbot import config
from mailbot.service.supervision import ROLES
from tests.support import ROOT, program

LOCKS = ["requirements.lock", "requirements-dev.lock"]
CHOSEN = {
    *("aioimaplib", "aiosmtpd", "aiosmtplib", "sqlalchemy", "alembic", "jinja2", "pyyaml", "click", "rich", "aiohttp"),
    *("argon2-cffi", "dkimpy", "pyspf", "dnspython", "email-validator", "pyhanko", "psycopg"),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
DOCKERFILES = sorted((ROOT / "deploy").rglob("Dockerfile"))
SCRIPTS = [*(ROOT / "deploy").rglob("*.sh"), ROOT / ".ci" / "run"]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=~! ;]", requirement)[0].lower().replace("_", "-")


def _locked(name: str) -> dict[str, str]:
    """Package → its block of the lock."""
    blocks = re.split(r"(?m)^(?=[a-z0-9])", _text(name))
    return {block.split("==")[0]: block for block in blocks if "==" in block.split("\n")[0]}


# --------------------------------------------------------------------------------------------------- locks


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_a_pinned_package_a_hash_or_a_comment(lock: str) -> None:
    line = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w\"'=<>!. ]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?| *#.*|")
    assert [text for text in _text(lock).splitlines() if not line.fullmatch(text)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    assert re.search(r"://|index-url|find-links|trusted-host|(?:^|[ =])/|\w\.(?:org|com|net|io)\b", _text(lock)) is None


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_a_hash(lock: str) -> None:
    assert [name for name, block in _locked(lock).items() if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("package", ["lxml", "cffi", "aiohttp", "psycopg-binary", "cryptography"])
def test_locks_hold_the_files_of_every_platform(package: str) -> None:
    """cp311 for x86_64 and aarch64, glibc and musl, and the others: far more than one machine would take."""
    assert _locked("requirements.lock")[package].count("--hash=") > 20


def test_locks_hold_what_the_project_asks_for_and_the_build_needs() -> None:
    run, dev = _locked("requirements.lock"), _locked("requirements-dev.lock")
    needs = {_name(r) for r in PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]}
    tools = {_name(r) for r in PROJECT["project"]["optional-dependencies"]["dev"]}
    assert needs - run.keys() == set()
    assert (needs | tools) - dev.keys() == set()


def test_tests_run_on_the_very_versions_that_serve() -> None:
    run, dev = _locked("requirements.lock"), _locked("requirements-dev.lock")

    def version(block: str) -> str:
        return block.split("\n")[0]

    assert {name: version(block) for name, block in run.items()} == {name: version(dev[name]) for name in run}


def test_the_chosen_packages_are_used() -> None:
    assert CHOSEN - {_name(r) for r in PROJECT["project"]["dependencies"]} == set()


def test_licence_is_the_gpl_3_word_for_word() -> None:
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert PROJECT["project"]["license"] == "GPL-3.0-or-later"
    assert digest == "3972dc9744f6499f0f9b2dbf76696f2ae7ad8af9b23dde66d6af86c9dfb36986"


# ------------------------------------------------------------------------------------- commands and scripts


PAGES = ["README.md", "CONTRIBUTING.md", ".ci/run", *(f"docs/{page.name}" for page in sorted(ROOT.glob("docs/*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_that_are_told_exist(page: str) -> None:
    assert set(re.findall(r"(?:`|^|step )make ([a-z-]+)", _text(page), re.MULTILINE)) - TARGETS == set()


def test_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    head = _text("README.md").splitlines()[:8]
    assert [any(line.startswith(command) for line in head) for command in ("make demo", "make test")] == [True, True]


def test_ci_runs_the_commands_of_the_readme() -> None:
    assert re.findall(r"^step (make .*)", _text(".ci/run"), re.MULTILINE) == [
        "make test",
        "make test-long",
        "make check",
        "make demo ARGS=--once",
    ]


def test_every_folder_of_tests_is_in_one_job() -> None:
    first = PROJECT["tool"]["pytest"]["ini_options"]["testpaths"]
    second = re.findall(r"^LONG := (.*)", MAKEFILE, re.MULTILINE)[0].split()
    holding = {"/".join(file.relative_to(ROOT).parts[:2]) for file in (ROOT / "tests").rglob("test_*.py")}
    assert sorted([*first, *second]) == sorted(holding)


def test_check_runs_every_linter() -> None:
    recipe = MAKEFILE.split("\ncheck:")[1].split("\n\n")[0]
    assert [tool in recipe for tool in ("ruff check", "ruff format --check", "mypy", "lint-imports")] == [True] * 4
    assert PROJECT["tool"]["mypy"]["strict"] is True


def test_phony_targets_are_those_that_help_lists() -> None:
    assert set(re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)[0].split()) == TARGETS
    assert set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)) == TARGETS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse_and_can_be_run(script: Path) -> None:
    shell = script.read_text(encoding="utf-8").split("\n")[0].removeprefix("#!")
    subprocess.run([shell, "-n", str(script)], check=True, timeout=30)
    assert script.stat().st_mode & 0o111 == 0o111


def test_set_up_says_the_mend_when_there_is_no_python(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("dirname", "env"):
        (tools / name).symlink_to(program(name))
    script = (ROOT / "deploy" / "venv.sh").read_text(encoding="utf-8").replace("/usr/bin/python3", "python3")
    copy = tmp_path / "deploy" / "venv.sh"
    copy.parent.mkdir()
    copy.write_text(script, encoding="utf-8")
    done = subprocess.run(
        ["/bin/sh", str(copy), str(tmp_path / "venv"), "requirements.lock"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        ["deploy/venv.sh: no Python 3.11.2 or newer", "mend: apt install python3"],
    )
    assert not (tmp_path / "venv").exists()


# ------------------------------------------------------------------------------------------------ containers


ROLE_SERVICES = {name: s for name, s in COMPOSE["services"].items() if s["image"].startswith("mailbot:")}


def _dockerfile(service: dict[str, Any]) -> str:
    build = service["build"] if isinstance(service["build"], dict) else {"context": service["build"]}
    return _text(f"{build['context']}/{build.get('dockerfile', 'Dockerfile')}")


def test_services_of_compose() -> None:
    """Every role has a service of its own, one more prepares the database and the key."""
    others = {"postgres", "dovecot", "postfix", "opendkim", "opendmarc"}
    assert set(ROLE_SERVICES) == {*ROLES, "setup"}
    assert set(COMPOSE["services"]) == set(ROLE_SERVICES) | others
    assert {name: ROLE_SERVICES[name]["command"] for name in ROLES} == {
        name: ["mailbot", "run", "--role", name] for name in ROLES
    }


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_service_is_consistent(name: str) -> None:
    service = COMPOSE["services"][name]
    exposed = re.findall(r"^EXPOSE (.*)", _dockerfile(service), re.MULTILINE)[0].split()
    waited = service.get("depends_on", {})
    assert set(waited) <= set(COMPOSE["services"])
    assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    for port in service.get("ports", []):
        address, _, inside = port.split(":")
        assert (address, inside in exposed) == ("127.0.0.1", True), port
        assert not all((COMPOSE["networks"][network] or {}).get("internal") for network in service["networks"])
    assert not service.get("privileged", False)
    for other, how in waited.items():
        if how["condition"] == "service_healthy":
            asked = COMPOSE["services"][other]
            assert "healthcheck" in asked or "HEALTHCHECK" in _dockerfile(asked), other


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_service_is_watched_started_again_and_has_no_rights_it_does_not_need(name: str) -> None:
    service, once = COMPOSE["services"][name], name == "setup"
    assert service["restart"] == ("no" if once else "unless-stopped")
    assert once or "healthcheck" in service or "HEALTHCHECK" in _dockerfile(service)
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "SYS_ADMIN" not in service.get("cap_add", [])


def test_one_service_makes_the_key_and_the_tables_and_the_others_wait_for_it() -> None:
    places = {name: service["volumes"] for name, service in ROLE_SERVICES.items()}
    assert [name for name, volumes in places.items() if "key:/var/lib/mailbot" in volumes] == ["setup"]
    for name in ROLES:
        assert "key:/var/lib/mailbot:ro" in places[name]
        assert ROLE_SERVICES[name]["depends_on"]["setup"] == {"condition": "service_completed_successfully"}


def test_only_who_needs_it_reaches_the_database_and_nobody_leaves_its_network() -> None:
    reach = {name for name, service in COMPOSE["services"].items() if "data" in service["networks"]}
    assert reach == {*ROLE_SERVICES, "postgres"}
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert COMPOSE["services"]["postgres"]["networks"] == ["data"]


def test_no_secret_stands_in_compose_or_an_image() -> None:
    """They are made at the first start, into volumes; where those are mounted beside, they cannot be written."""
    texts = [_text("docker-compose.yml"), *(file.read_text(encoding="utf-8") for file in DOCKERFILES)]
    assert [text for text in texts if re.search(r"(?i)^\s*(- )?\w*(password|secret)\w*[=:]", text, re.MULTILINE)] == []
    makers = {"access": "dovecot", "database-access": "postgres"}
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", []):
            source, *_, last = volume.split(":")
            assert last == "ro" or makers.get(source, name) == name, (name, volume)


@pytest.mark.parametrize("program_name", ["opendkim", "opendmarc"])
def test_the_milters_are_set_as_the_page_of_mail_servers_says(program_name: str) -> None:
    (told,) = re.findall(rf"```\n# /etc/{program_name}\.conf\n(.*?)```", _text("docs/mx.md"), re.DOTALL)
    set_ = {tuple(line.split()) for line in _text(f"deploy/milters/{program_name}.conf").splitlines()}
    assert {
        tuple(line.replace("mx.urzad.example", "mx.helpdesk.example").split()) for line in told.splitlines()
    } <= set_


def test_postfix_asks_the_milters_that_compose_starts() -> None:
    asked = dict(re.findall(r"inet:(open\w+):(\d+)", _text("deploy/postfix/main.cf")))
    for name, port in asked.items():
        assert re.search(rf"^Socket +inet:{port}$", _text(f"deploy/milters/{name}.conf"), re.MULTILINE)
        assert port in COMPOSE["services"][name]["healthcheck"]["test"][-1]
    assert set(asked) == {"opendkim", "opendmarc"}


def test_every_role_is_asked_for_its_health_at_the_port_that_all_of_them_open() -> None:
    (asked,) = re.findall(r"http://([\d.:]+)/livez", _text("deploy/Dockerfile"))
    assert config.load(ROOT / "deploy" / "mailbot.toml", {}).health.listen == asked


def test_the_pages_of_mailbot_listen_where_compose_opens_them_and_are_called_so() -> None:
    """Inside on every address, outside on this machine alone, each with a port and an address of its own."""
    told = tomllib.loads(_text("deploy/mailbot.toml"))
    ports = [COMPOSE["services"][page]["ports"][0].split(":")[-1] for page in ("web", "console")]
    assert [told[page]["listen"] for page in ("web", "console")] == [f"0.0.0.0:{port}" for port in ports]
    assert [told[page]["public_url"] for page in ("web", "console")] == [f"http://localhost:{port}" for port in ports]


def test_the_proxy_of_the_console_lets_its_forms_through_and_tells_who_asks() -> None:
    page = _text("docs/operating.md")
    (nginx,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    console = config.ConsoleSettings()
    assert f"client_max_body_size {console.upload_mb}m;" in nginx
    assert f"proxy_pass http://{console.listen};" in nginx
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in nginx


def test_every_volume_is_used() -> None:
    used = {volume.split(":")[0] for service in COMPOSE["services"].values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_mailbot_runs_as_a_user_of_its_own_who_may_read_the_passwords() -> None:
    final = _text("deploy/Dockerfile").split("\nFROM ")[-1]
    assert "\nUSER mailbot\n" in final
    assert "--uid 10001" in final
    assert "10001:10001" in _text("deploy/dovecot/start.sh")
    assert "10001:10001" in _text("deploy/postgres/start.sh")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_images_are_pinned_and_copied_files_exist(dockerfile: Path) -> None:
    text = dockerfile.read_text(encoding="utf-8")
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert ":" in image
        assert not image.endswith(":latest")
    context = ROOT if dockerfile == ROOT / "deploy" / "Dockerfile" else dockerfile.parent
    for words in re.findall(r"^COPY (?!--from)(.*)", text, re.MULTILINE):
        *sources, _ = words.split()
        assert [source for source in sources if not (context / source).exists()] == []


def test_image_tags_of_compose_are_versions() -> None:
    version = ".".join(PROJECT["project"].get("version", _version()).split(".")[:2])
    assert {service["image"].split(":")[1] for service in COMPOSE["services"].values()} == {version}


def _version() -> str:
    found = re.search(r'__version__ = "([^"]+)"', _text("mailbot/__init__.py"))
    assert found is not None
    return found[1]


def test_the_image_gets_what_it_is_built_from() -> None:
    kept = {line[1:] for line in _text(".dockerignore").splitlines() if line.startswith("!")}
    assert {name for name in kept if not (ROOT / name).exists()} == set()
    assert kept >= {"mailbot", "rules", "requirements.lock", "pyproject.toml", "README.md", "LICENSE"}
    assert {"deploy/venv.sh", "deploy/mailbot.toml"} <= kept


def test_the_image_is_built_of_nothing_that_it_does_not_get(tmp_path: Path) -> None:
    """setuptools reads pyproject.toml in the folder that holds what .dockerignore lets through, and nothing else."""
    for line in _text(".dockerignore").splitlines():
        if line.startswith("!"):
            source, target = ROOT / line[1:], tmp_path / line[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    read = "from setuptools.build_meta import get_requires_for_build_editable as ask; ask()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", read], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-1000:]


def test_the_names_of_compose_do_not_depend_on_its_folder() -> None:
    """By the environment, for `name:` is unknown to the docker-compose of Debian 12."""
    assert _text(".env").splitlines()[-1] == "COMPOSE_PROJECT_NAME=mailbot"
    assert "name" not in COMPOSE


def test_an_installed_mailbot_has_every_file_of_its_package() -> None:
    """What setuptools leaves out a checkout still has: an editable installation misses nothing."""
    package = ROOT / "mailbot"
    files = {file for file in package.rglob("*") if file.is_file() and file.parent.name != "__pycache__"}
    named = {
        file for pattern in PROJECT["tool"]["setuptools"]["package-data"]["mailbot"] for file in package.glob(pattern)
    }
    modules = {file for file in files if file.suffix == ".py" and (file.parent / "__init__.py").exists()}
    assert sorted(str(file.relative_to(ROOT)) for file in files - named - modules) == []


def test_container_settings_load_and_fit_the_other_containers() -> None:
    settings = config.load(ROOT / "deploy" / "mailbot.toml", {})
    dovecot, postfix, start = map(
        _text, ("deploy/dovecot/dovecot.conf", "deploy/postfix/main.cf", "deploy/dovecot/start.sh")
    )
    assert settings.imap.host in COMPOSE["services"]
    assert settings.delivery.host in COMPOSE["services"]
    assert make_url(settings.database.url).host in COMPOSE["services"]
    assert f"port = {settings.imap.port}" in dovecot
    assert f"mailbox {settings.imap.done_folder} {{" in dovecot
    assert f"myhostname = {settings.authentication.authserv_id}\n" in postfix
    assert f"Authentication-Results: {settings.authentication.authserv_id};" in postfix
    assert f"hostname = {settings.authentication.authserv_id}\n" in dovecot
    assert f"{{{settings.helpdesk.address}=mailbox}}" in postfix
    assert {settings.imap.user, settings.helpdesk.address} <= set(re.findall(r"[\w.]+@[\w.]+", start))
    assert settings.imap.password_file in start
    assert settings.imap.ca_file in start
    assert f"\n{settings.delivery.port} " in _text("deploy/postfix/master.cf")
    assert "host mailbot mailbot " in _text("deploy/postgres/pg_hba.conf")
    mounted = [volume.split(":")[1] for volume in COMPOSE["services"]["ingress"]["volumes"]]
    for file in (settings.secret.key_file, settings.database.url, settings.imap.password_file):
        assert any(f"{mount}/" in file for mount in mounted), file


def test_every_mailbox_postfix_knows_dovecot_has() -> None:
    known = set(re.findall(r"\{([\w.]+@[\w.]+)=mailbox\}", _text("deploy/postfix/main.cf")))
    has = set(re.findall(r"[\w.]+@[\w.]+", _text("deploy/dovecot/start.sh").split("for user in")[1].split(";")[0]))
    registered = {line.split(",")[0] for line in _text("deploy/accounts.csv").splitlines()[1:]}
    assert known == has
    assert registered < known


def test_dovecot_reads_its_settings(tmp_path: Path) -> None:
    text = _text("deploy/dovecot/dovecot.conf")
    for folder in ("/run/access", "/access"):
        text = text.replace(f"<{folder}/", f"<{tmp_path}/")
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    file = tmp_path / "dovecot.conf"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program("doveconf"), "-n", "-c", str(file)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_postfix_knows_every_setting(tmp_path: Path) -> None:
    for name in ("main.cf", "master.cf"):
        (tmp_path / name).write_text(_text(f"deploy/postfix/{name}"), encoding="utf-8")
    done = subprocess.run(
        [program("postconf"), "-n", "-c", str(tmp_path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_unit_starts_the_command_of_the_docs() -> None:
    unit = _text("deploy/mailbot.service")
    assert "ExecStart=/opt/mailbot/.venv/bin/mailbot run --config /etc/mailbot/mailbot.toml\n" in unit
    assert "RestartPreventExitStatus=78\n" in unit
    assert "User=mailbot\n" in unit
    assert "Type=notify\n" in unit
    assert "LimitCORE=0\n" in unit, "what the watchdog ends leaves no mail behind in a file"
    assert re.search(r"^WatchdogSec=\d+$", unit, re.MULTILINE)
