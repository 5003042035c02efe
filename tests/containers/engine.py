"""A Docker engine for a while, and the images that the project's own begin with.

An engine that answers is used. Else root starts one of its own, with all its files in one folder, and gives the machine
back as it was. A base image that no registry gives is made of packages of Debian 12: the same system, without the
vendor's last touch.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import ROOT

PATIENCE = 60.0
PACKAGES = "docker.io docker-compose mmdebstrap"
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_TABLES = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
_NO_SERVICES = "#!/bin/sh\nexit 101\n"
_PYTHON = """\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3.11 python3.11-venv \\
    && rm -rf /var/lib/apt/lists/* \\
    && ln -s /usr/bin/python3.11 /usr/local/bin/python3 && ln -s python3 /usr/local/bin/python
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
"""


def run(*words: str, inside: str = "") -> str:
    """What a command says; the end of its words when it fails."""
    done = subprocess.run(words, input=inside, capture_output=True, text=True, check=False, cwd=ROOT, timeout=1200)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def works(*words: str) -> bool:
    """Whether a command is there and ends well."""
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=120).returncode == 0
    except FileNotFoundError:
        return False


def compose() -> list[str]:
    """The words that call it: a part of docker, or Debian's program."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if works(*words, "version"):
            return words
    raise SystemExit(f"no docker compose; mend: apt install {PACKAGES}")


@contextmanager
def engine() -> Iterator[str]:
    """Where ``docker`` finds one, and in words which."""
    if works("docker", "info"):
        yield "the engine of this machine"
    elif os.geteuid() == 0 and shutil.which("dockerd"):
        with tempfile.TemporaryDirectory(prefix="mailbot-engine-", dir="/var/tmp") as folder, _network_as_it_was():
            yield from _own(Path(folder))
    else:
        raise SystemExit(f"no Docker engine answers; mend: start one, or as root: apt install {PACKAGES}")


def _own(folder: Path) -> Iterator[str]:
    """``/var/tmp``, not a folder in memory: layers lie there, and a file system of layers needs a real one below."""
    places = {"--data-root": "data", "--exec-root": "run", "--pidfile": "pid"}
    words = [word for option, name in places.items() for word in (option, str(folder / name))]
    os.environ["DOCKER_HOST"] = f"unix://{folder}/socket"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", *words, "-H", os.environ["DOCKER_HOST"]], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while not works("docker", "info"):
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"dockerd does not start\n{(folder / 'log').read_text()[-3000:]}")
            time.sleep(0.2)
        yield "an engine of its own"
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)
        for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
            if (place := line.split()[1]).startswith(f"{folder}/"):
                run("umount", place)


@contextmanager
def _network_as_it_was() -> Iterator[None]:
    """dockerd leaves its bridge, its filters and the forwarding of packets behind."""
    filters, forward = run("iptables-save"), _FORWARD.read_text()
    for table, chains in _TABLES.items():
        if f"*{table}\n" not in filters:  # what nobody has used yet is not saved
            filters += "\n".join([f"*{table}", *(f":{chain} ACCEPT" for chain in chains), "COMMIT\n"])
    try:
        yield
    finally:
        works("ip", "link", "delete", "docker0")
        run("iptables-restore", inside=filters)
        _FORWARD.write_text(forward)


def bases(dockerfiles: Sequence[Path]) -> dict[str, str]:
    """Every image that the Dockerfiles begin with → where it came from."""
    texts = "".join(file.read_text(encoding="utf-8") for file in dockerfiles)
    names = sorted(set(re.findall(r"^FROM (\S+)", texts, re.MULTILINE)))
    return {name: _base(name) for name in names}


def _base(name: str) -> str:
    if works("docker", "image", "inspect", name):
        return "is there"
    if works("docker", "pull", "--quiet", name):
        return "pulled"
    if name == "debian:bookworm-slim":
        _debian(name)
    elif name == "python:3.11-slim-bookworm":
        run("docker", "build", "--tag", name, "-", inside=_PYTHON)
    else:
        raise SystemExit(f"{name} cannot be pulled, and nobody here knows how to make it")
    return "made of Debian's packages"


def _debian(name: str) -> None:
    """No page of a manual, and no service that starts while it is installed, as the slim image has it. Who certifies
    this machine's network is believed inside, too."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        tar, policy = Path(folder) / "debian.tar", Path(folder) / "policy-rc.d"
        policy.write_text(_NO_SERVICES)
        policy.chmod(0o755)
        options = ["--variant=minbase", "--include=ca-certificates", "--dpkgopt=path-exclude=/usr/share/man/*"]
        hooks = [
            f"--customize-hook=upload {policy} /usr/sbin/policy-rc.d",
            f"--customize-hook=upload {_AUTHORITIES} {_AUTHORITIES}",
        ]
        run("mmdebstrap", *options, *hooks, "bookworm", str(tar))
        run("docker", "import", str(tar), name)
