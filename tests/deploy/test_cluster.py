"""The files for three hosts, as far as they can be checked without hosts; tests/chaos/test_cluster.py has some."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.certificates import made, make
from tests.deploy.tool import tool
from tests.system.rig.process import ROOT

DEPLOY = ROOT / "deploy" / "cluster"
HOSTS = ("one=127.0.0.1", "two=two.example.org", "three=2001:db8::3")
SECRETS = re.compile(r"^([A-Z_]+)=([0-9a-f]{64})$", re.MULTILINE)
OF_NATS = {"NATS_GATEWAY_PASSWORD", "NATS_BROKER_PASSWORD", "NATS_AUTH_API_PASSWORD", "ROUTE_PASSWORD"}


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    around = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run(argv, cwd=ROOT, env=around, capture_output=True, text=True)


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    tool("openssl")
    done = run("sh", str(DEPLOY / "hosts.sh"), str(tmp_path / "hosts"), *HOSTS)
    assert done.returncode == 0, done.stderr
    return tmp_path / "hosts"


def secrets(host: Path) -> dict[str, str]:
    return dict(SECRETS.findall((host / "parley.env").read_text()))


def test_each_process_of_each_host_has_a_certificate_of_one_authority(hosts: Path) -> None:
    files = sorted(path for path in hosts.glob("*/*.crt") if path.name != "ca.crt")
    assert len(files) == 3 * 4
    done = run("openssl", "verify", "-CAfile", str(hosts / "ca.crt"), *map(str, files))
    assert done.returncode == 0, done.stderr
    keys = {path.with_suffix(".key").read_text() for path in files}
    assert len(keys) == len(files)
    assert not any(path.stat().st_mode & 0o077 for path in hosts.rglob("*"))
    assert not list(hosts.glob("*/ca.key"))


@pytest.mark.parametrize(("host", "name"), [("one", "IP Address:127.0.0.1"), ("two", "DNS:two.example.org")])
def test_a_server_is_known_by_the_names_that_were_given(hosts: Path, host: str, name: str) -> None:
    done = run("openssl", "x509", "-in", str(hosts / host / "nats.crt"), "-noout", "-ext", "subjectAltName")
    assert name in done.stdout


def test_certificates_that_are_there_are_not_replaced_and_the_authority_is_used_again(tmp_path: Path) -> None:
    folder = made(tmp_path / "certificates", "one=127.0.0.1")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    refused = make(folder, "two=127.0.0.2", "one=127.0.0.1")
    assert refused.returncode != 0
    assert "is there already" in refused.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    made(folder, "two=127.0.0.2")
    assert {path: path.read_bytes() for path in before} == before
    assert (folder / "two" / "ca.crt").read_bytes() == before[folder / "ca.crt"]


@pytest.mark.parametrize("arguments", [[], ["one"], ["=127.0.0.1"], ["one="]])
def test_certificates_are_made_for_hosts_with_names_only(tmp_path: Path, arguments: list[str]) -> None:
    done = make(tmp_path / "certificates", *arguments)
    assert done.returncode != 0
    assert done.stderr
    assert not (tmp_path / "certificates").exists()


def test_hosts_have_the_same_secrets_and_no_two_are_equal(hosts: Path) -> None:
    first, *others = (secrets(hosts / host.partition("=")[0]) for host in HOSTS)
    assert all(other == first for other in others)
    assert len(set(first.values())) == len(first) == 7


@pytest.mark.parametrize(
    ("process", "knows"),
    [("broker", set()), ("gateway", {"APP_SECRET"}), ("auth_api", {"APP_SECRET", "APP_PASS", "ADMIN_TOKEN"})],
)
def test_a_process_gets_its_own_secrets_alone(hosts: Path, tmp_path: Path, process: str, knows: set[str]) -> None:
    shown = tmp_path / "show"
    shown.write_text("#!/bin/sh\nexec env\n")
    shown.chmod(0o755)
    done = run("sh", str(DEPLOY / "run.sh"), str(hosts / "two"), process, PYTHON=str(shown))
    environ = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    all_secrets = secrets(hosts / "two")
    password = all_secrets[f"NATS_{process.upper()}_PASSWORD"]
    assert {name for name in all_secrets if name in environ} == knows
    servers = [f"tls://{process}:{password}@{at}:4222" for at in ("two.example.org", "127.0.0.1", "[2001:db8::3]")]
    assert environ["NATS_URL"] == ",".join(servers)
    assert environ["NATS_CERT"] == str(hosts / "two" / f"{process}.crt")
    assert OF_NATS - environ.keys() == OF_NATS


def test_nats_reads_its_file(hosts: Path, tmp_path: Path) -> None:
    server = tmp_path / "nats-server"
    server.write_text(f'#!/bin/sh\nexec {tool("nats-server")} -t "$@"\n')
    server.chmod(0o755)
    done = run("sh", str(DEPLOY / "run.sh"), str(hosts / "two"), "nats", NATS_SERVER=str(server))
    assert "is valid" in done.stderr, done.stderr


def test_the_load_balancer_needs_to_know_no_more_than_the_hosts(tmp_path: Path) -> None:
    (tmp_path / "parley.env").write_text('HOSTS="10.0.0.1 10.0.0.2 10.0.0.3"\n')
    shown = tmp_path / "haproxy"
    shown.write_text(f'#!/bin/sh\nexec {tool("haproxy")} -c "$@"\n')
    shown.chmod(0o755)
    done = run("sh", str(DEPLOY / "run.sh"), str(tmp_path), "haproxy", HAPROXY=str(shown))
    assert done.returncode == 0, done.stderr


def test_the_load_balancer_has_the_servers_of_all_hosts_and_no_others(tmp_path: Path) -> None:
    done = run("sh", str(DEPLOY / "haproxy.sh"), HOSTS="10.0.0.1 10.0.0.2 10.0.0.3")
    (tmp_path / "haproxy.cfg").write_text(done.stdout)
    assert run(tool("haproxy"), "-c", "-f", str(tmp_path / "haproxy.cfg")).returncode == 0
    servers = re.findall(r"^  server (\w+) (\S+)$", done.stdout, re.MULTILINE)
    ports = (("gateway", 8000), ("auth_api", 8001))
    assert servers == [(f"{name}{n}", f"10.0.0.{n}:{port}") for name, port in ports for n in (1, 2, 3)]
    assert "docker" not in re.sub("#.*", "", done.stdout)
    assert "server-template" not in done.stdout
