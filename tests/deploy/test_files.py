"""The files that run Parley, checked as far as that goes without a Docker engine."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import auth_api.settings
import broker.settings
import gateway.settings
from shared.envelopes import subjects
from tests.deploy.tool import docker, tool
from tests.system.rig.process import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = (ROOT / "docker-compose.yml").read_text()
METRIC = re.compile(r"\bparley_[a-z_]+")
FIXED_BY_THE_IMAGE = {"app_host", "app_port", "gateway_name", "node_modules"}
IN_MAKE_RUN_ALONE = {"kill_switch_url"}
PASSWORDS = {f"{user}_PASSWORD": f'"{number}e5"' for number, user in enumerate(("GATEWAY", "BROKER", "AUTH_API"))}
SYNCS = ("5s", "always")
WITH_NATS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def run(*argv: str, **environ: str) -> None:
    done = subprocess.run(argv, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def required() -> list[str]:
    """The variables without which compose does nothing."""
    return sorted(set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE)))


def service(name: str) -> str:
    """What the compose file says of one service."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gateway", gateway.settings.Settings),
        ("broker", broker.settings.Settings),
        ("auth_api", auth_api.settings.Settings),
    ],
)
def test_every_setting_can_be_given_through_compose(name: str, settings: Any) -> None:
    fixed = FIXED_BY_THE_IMAGE | IN_MAKE_RUN_ALONE | {"log_level", "log_format"}
    wanted = {field.name for field in dataclasses.fields(settings)} - fixed
    assert {each for each in wanted if f"\n      {each.upper()}:" not in service(name)} == set()


def test_nothing_here_lets_a_page_kill_processes() -> None:
    for name in IN_MAKE_RUN_ALONE:
        assert not [file for file in DEPLOY.rglob("*") if file.is_file() and name.upper() in file.read_text()]
        assert name.upper() not in COMPOSE + (ROOT / "Dockerfile").read_text() + (ROOT / ".env.example").read_text()


def test_every_image_has_a_pinned_version() -> None:
    froms = re.findall(r"^ARG [A-Z]+=(\S+:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    images = re.findall(r"^    image: (\S+/?\S*:\S+)", COMPOSE, re.MULTILINE)
    assert len(froms) == 3
    assert len(images) == 4
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in froms + images)


def test_the_example_names_every_secret_that_is_required() -> None:
    empty = set(re.findall(r"^([A-Z_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(required()) == empty


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What make-env.sh needs, in a folder of its own."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(DEPLOY / "make-env.sh", tmp_path / "deploy")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def programs(folder: Path, *names: str) -> str:
    """A PATH on which these programs are found, and no others."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(tool(name))
    return str(folder)


def test_make_env_makes_secrets_once(clone: Path) -> None:
    few = programs(clone / "bin", "sh", "dirname", "mktemp", "od", "tr", "mv", "rm")
    made = []
    for _ in range(2):
        run("sh", str(clone / "deploy" / "make-env.sh"), PATH=few)
        made.append((clone / ".env").read_text())
    values = re.findall(r"^[A-Z_]+=(.*)$", made[0], re.MULTILINE)
    assert made[0] == made[1]
    assert len(set(values)) == len(values) == 6
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in values)
    assert (clone / ".env").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("lost", ["od", "tr", "mv"])
def test_make_env_makes_nothing_where_it_cannot_make_all(clone: Path, lost: str) -> None:
    few = programs(clone / "bin", *({"sh", "dirname", "mktemp", "od", "tr", "mv", "rm"} - {lost}))
    command = ["sh", str(clone / "deploy" / "make-env.sh")]
    done = subprocess.run(command, env={"PATH": few}, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr
    assert "Made" not in done.stdout
    assert [path.name for path in clone.glob(".env*")] == [".env.example"]


def test_roll_says_so_when_nothing_runs(tmp_path: Path) -> None:
    idle = tmp_path / "docker"
    idle.write_text("#!/bin/sh\n")
    idle.chmod(0o755)
    command = ["sh", str(DEPLOY / "roll.sh")]
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode != 0
    assert "No broker runs" in done.stderr


def test_compose_reads_the_file() -> None:
    done = configure("--quiet", **dict.fromkeys(required(), "x" * 32))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", required())
def test_compose_says_how_to_make_a_secret_that_is_missing(missing: str) -> None:
    done = configure("--quiet", **{name: "x" * 32 for name in required() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr
    assert "make a .env file with sh deploy/make-env.sh" in done.stderr


def test_every_image_is_built_once() -> None:
    done = configure("--format", "json", **dict.fromkeys(required(), "x" * 32))
    built = [each["image"] for each in json.loads(done.stdout)["services"].values() if "build" in each]
    assert sorted(built) == ["parley", "parley-nats"]


def test_every_container_has_its_limits() -> None:
    services = json.loads(configure("--format", "json", **dict.fromkeys(required(), "x" * 32)).stdout)["services"]
    assert len(services) == 8
    for name, each in services.items():
        assert int(each["mem_limit"]) >= 256 * 1024**2, name
        assert each["pids_limit"] == 512, name
        assert "core" in each["ulimits"], name


@pytest.mark.parametrize(("given", "demo"), [({}, "false"), ({"DEMO": ""}, "false"), ({"DEMO": "true"}, "true")])
def test_the_demo_is_on_only_where_it_is_asked_for(given: dict[str, str], demo: str) -> None:
    done = configure("--format", "json", **dict.fromkeys(required(), "x" * 32), **given)
    assert json.loads(done.stdout)["services"]["auth_api"]["environment"]["DEMO"] == demo


def test_the_load_balancer_has_a_default_for_every_setting() -> None:
    settings = set(re.findall(r"^      ([A-Z_]+):$", service("haproxy"), re.MULTILINE))
    defaults = dict(re.findall(r"^  presetenv (\w+) (\d+)$", (DEPLOY / "haproxy.cfg").read_text(), re.MULTILINE))
    documented = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "SETTINGS.md").read_text(), re.MULTILINE))
    assert settings == defaults.keys()
    assert defaults.items() <= documented.items()


def configure(*options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What compose makes of its file with this environment alone."""
    command = [docker(), "compose", "--env-file", "/dev/null", "--profile", "*", "config", *options]
    around = {name: value for name, value in os.environ.items() if name not in required()}
    return subprocess.run(command, cwd=ROOT, env={**around, **environ}, capture_output=True, text=True)


def test_haproxy_reads_its_file() -> None:
    run(tool("haproxy"), "-c", "-f", "deploy/haproxy.cfg")


def test_haproxy_reads_its_file_with_tls(tmp_path: Path) -> None:
    pem, config = tmp_path / "tls.pem", tmp_path / "haproxy.cfg"
    new = [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    run(*new, "-keyout", str(pem), "-out", str(tmp_path / "crt.pem"))
    pem.write_text(pem.read_text() + (tmp_path / "crt.pem").read_text())
    config.write_text((DEPLOY / "haproxy.cfg").read_text().replace("/etc/haproxy/tls.pem", str(pem)))
    run(tool("haproxy"), "-c", "-f", str(config), TLS_CERTIFICATE="tls.pem", HTTPS_PORT="8443")


@pytest.mark.parametrize("sync", SYNCS)
def test_nats_reads_its_file(sync: str) -> None:
    run(tool("nats-server"), "-t", "-c", "deploy/nats.conf", **PASSWORDS, NATS_SYNC=f'"{sync}"')


def test_nats_syncs_after_some_seconds_unless_it_is_told_otherwise() -> None:
    run("sh", "deploy/nats.sh", "nats-server", "-t", "--config", "deploy/nats.conf", **PASSWORDS, PATH=WITH_NATS)


def test_nats_takes_messages_as_large_as_parley_sends() -> None:
    assert f"max_payload: {subjects.MAX_MESSAGE // 1024**2}MB" in (DEPLOY / "nats.conf").read_text()


@pytest.mark.parametrize("path", ["alerts.yml", "grafana/dashboards/parley.json"])
def test_every_metric_looked_at_exists(path: str) -> None:
    documented = set(METRIC.findall((DEPLOY / "METRICS.md").read_text()))
    parts = {f"{name}{part}" for name in documented for part in ("_bucket", "_sum", "_count")}
    assert set(METRIC.findall((DEPLOY / path).read_text())) - documented - parts == set()


def test_the_dashboard_has_its_data_source() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "parley.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    source = (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    assert panels
    assert all(f"uid: {panel['datasource']['uid']}\n" in source for panel in panels)
    assert all(query["expr"] for panel in panels for query in panel["targets"])


def test_what_nats_stored_without_accounts_belongs_to_the_one_with_the_log_now(tmp_path: Path) -> None:
    before, after = tmp_path / "jetstream" / "$G", tmp_path / "jetstream" / "PARLEY"
    before.mkdir(parents=True)
    (before / "stream").write_text("kept")
    plain = tmp_path / "plain.conf"
    plain.write_text("port: 4222\n")
    run("sh", "deploy/nats.sh", "true", "--config", str(plain), STORE=str(tmp_path))
    assert not after.exists()
    for _ in range(2):
        run("sh", "deploy/nats.sh", "true", "--config", "deploy/nats.conf", STORE=str(tmp_path))
    assert (after / "stream").read_text() == "kept"
    assert not before.exists()
