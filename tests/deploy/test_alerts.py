"""Every alert fires when it should, and not at what looks like it."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.tool import docker
from tests.system.rig.process import ROOT

ALERTS = ROOT / "deploy" / "alerts.yml"
COMPOSE = ROOT / "docker-compose.yml"

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """Two histories in Prometheus's notation, a value every 5 s: ``1x3`` is 1 1 1 1, ``0+2x3`` is 0 2 4 6."""

    by: str  # when the first fires at the latest; until then the second does not
    fires: Series
    quiet: Series
    alerts: int = 1  # how many the first makes


CASES = {
    "NoSpeaker": Case(
        "90s",
        fires={'parley_broker_speaking{instance="a"}': "1x12 stale"},
        quiet={  # a standby takes over within 10 s
            'parley_broker_speaking{instance="a"}': "1x6 0x12",
            'parley_broker_speaking{instance="b"}': "0x8 1x10",
        },
    ),
    "NoGateway": Case(
        "90s",
        fires={
            'haproxy_backend_active_servers{proxy="gateways"}': "2x12 0x6",
            'haproxy_backend_active_servers{proxy="auth_api"}': "1x18",
        },
        quiet={
            'haproxy_backend_active_servers{proxy="gateways"}': "2x12 0x1 1x4",
            'haproxy_backend_active_servers{proxy="auth_api"}': "0x18",
        },
    ),
    "NoAuthApi": Case(
        "3m",
        fires={
            'haproxy_backend_active_servers{proxy="gateways"}': "2x36",
            'haproxy_backend_active_servers{proxy="auth_api"}': "1x12 0x24",
        },
        quiet={
            'haproxy_backend_active_servers{proxy="gateways"}': "0x36",
            'haproxy_backend_active_servers{proxy="auth_api"}': "1x12 0x6 1x18",
        },
    ),
    "LogRefuses": Case(
        "80s",
        fires={
            'parley_gateway_held_bytes{instance="a"}': "0x6 4096x10",
            'parley_gateway_batch_entries_count{instance="a"}': "10x16",
        },
        quiet={  # a is so busy that a batch is always on its way, b has to wait for a moment
            'parley_gateway_held_bytes{instance="a"}': "4096x16",
            'parley_gateway_batch_entries_count{instance="a"}': "10+500x16",
            'parley_gateway_held_bytes{instance="b"}': "0x6 4096x4 0x6",
            'parley_gateway_batch_entries_count{instance="b"}': "10x16",
        },
    ),
    "BrokerLags": Case(
        "75s",
        fires={
            'parley_broker_lag{instance="a"}': "0x6 1500x9",
            'parley_broker_speaking{instance="a"}': "1x15",
        },
        quiet={
            'parley_broker_lag{instance="a"}': "0x4 1500x4 900x6",
            'parley_broker_speaking{instance="a"}': "1x15",
            'parley_broker_lag{instance="b"}': "1500x15",
            'parley_broker_speaking{instance="b"}': "0x15",
        },
    ),
    "SlowRelays": Case(
        "6m",
        fires={
            'parley_gateway_relay_seconds_bucket{le="0.5"}': "0+98x72",
            'parley_gateway_relay_seconds_bucket{le="1"}': "0+100x72",
            'parley_gateway_relay_seconds_bucket{le="+Inf"}': "0+100x72",
        },
        quiet={
            'parley_gateway_relay_seconds_bucket{le="0.25"}': "0+90x72",
            'parley_gateway_relay_seconds_bucket{le="0.5"}': "0+995x72",
            'parley_gateway_relay_seconds_bucket{le="1"}': "0+1000x72",
            'parley_gateway_relay_seconds_bucket{le="+Inf"}': "0+1000x72",
        },
    ),
    "EventsUnavailable": Case(
        "2m",
        fires={'parley_gateway_refusals_total{code="unavailable"}': "0x6 0+1x18"},
        quiet={
            'parley_gateway_refusals_total{code="unavailable"}': "0x6 5x18",
            'parley_gateway_refusals_total{code="rate-limited"}': "0+9x24",
        },
    ),
    "NoStandby": Case(
        "7m",
        fires={
            'up{job="broker",instance="a"}': "1x84",
            'up{job="broker",instance="b"}': "1x12 0x72",
            'up{job="gateway",instance="c"}': "1x84",
        },
        quiet={
            'up{job="broker",instance="a"}': "1x84",
            'up{job="broker",instance="b"}': "1x12 0x24 1x48",
        },
    ),
    "ProcessDown": Case(
        "135s",
        fires={'up{job="gateway",instance="a"}': "1x12 0x15"},
        quiet={'up{job="gateway",instance="a"}': "1x12 0x10 1x5"},
    ),
    "SpeakerChanges": Case(
        "1m",
        fires={'parley_broker_term{instance="a"}': "1+1x6 7x6"},
        quiet={'parley_broker_term{instance="a"}': "1+1x5 6x7"},
    ),
    "GatewayGivenUp": Case(
        "1m",
        fires={'parley_gateway_fenced_total{instance="a"}': "0x6 1x6"},
        quiet={'parley_gateway_fenced_total{instance="a"}': "1x12"},
    ),
    "NatsReconnects": Case(
        "1m",
        fires={'parley_nats_reconnects_total{instance="a"}': "0+1x6 6x6"},
        quiet={'parley_nats_reconnects_total{instance="a"}': "0+1x4 4x8"},
    ),
    "SnapshotsStopped": Case(
        "21m",
        fires={  # b has never taken one
            'parley_broker_snapshot_age_seconds{instance="a"}': "0+5x252",
            'parley_broker_position{instance="a"}': "0+1x252",
            'parley_broker_speaking{instance="a"}': "1x252",
            'parley_broker_snapshot_age_seconds{instance="b"}': "-1x252",
            'parley_broker_position{instance="b"}': "0+1x252",
            'parley_broker_speaking{instance="b"}': "1x252",
        },
        alerts=2,
        quiet={  # a has nothing new to keep, b has something again after a quiet quarter of an hour, c does not speak
            'parley_broker_snapshot_age_seconds{instance="a"}': "0+5x252",
            'parley_broker_position{instance="a"}': "100 101x251",
            'parley_broker_speaking{instance="a"}': "1x252",
            'parley_broker_snapshot_age_seconds{instance="b"}': "0+5x202 0+5x49",
            'parley_broker_position{instance="b"}': "100x199 101+1x52",
            'parley_broker_speaking{instance="b"}': "1x252",
            'parley_broker_snapshot_age_seconds{instance="c"}': "-1x252",
            'parley_broker_position{instance="c"}': "0+1x252",
            'parley_broker_speaking{instance="c"}': "0x252",
        },
    ),
    "NoticesWait": Case(
        "95s",
        fires={"parley_broker_notices_waiting_seconds": "0x6 30+5x13"},
        quiet={"parley_broker_notices_waiting_seconds": "0x6 25+5x5 0x8"},
    ),
    "NoticesLost": Case(
        "40s",
        fires={"parley_broker_notices_lost_total": "0x6 1x2"},
        quiet={"parley_broker_notices_lost_total": "1x8"},
    ),
    "SlowClients": Case(
        "1m",
        fires={
            'parley_gateway_slow_clients_total{instance="a"}': "0+5x6 30x6",
            'parley_gateway_slow_clients_total{instance="b"}': "0+5x6 30x6",
        },
        quiet={'parley_gateway_slow_clients_total{instance="a"}': "0+5x8 40x4"},
    ),
    "WrongPasswords": Case(
        "16m",
        fires={
            'parley_app_token_requests_total{outcome="wrong_password"}': "0+3x192",
            'parley_app_token_requests_total{outcome="throttled"}': "0+3x192",
        },
        quiet={
            'parley_app_token_requests_total{outcome="wrong_password"}': "0+3x192",
            'parley_app_token_requests_total{outcome="throttled"}': "0x12 400x180",
            'parley_app_token_requests_total{outcome="issued"}': "0+90x192",
        },
    ),
    "WebhooksLate": Case(
        "135s",
        fires={
            'parley_webhook_oldest_seconds{instance="a"}': "295+5x27",
            'parley_webhook_oldest_seconds{instance="b"}': "0x27",
        },
        quiet={'parley_webhook_oldest_seconds{instance="a"}': "0+30x9 295x10 0x8"},
    ),
    "WebhooksGone": Case(
        "30m",
        fires={'parley_webhook_posts_total{instance="a",outcome="gone"}': "0x60 1x300"},
        quiet={'parley_webhook_posts_total{instance="a",outcome="failed"}': "0+1x360"},
    ),
    "NoWebhookSender": Case(
        "135s",
        fires={
            'parley_webhook_sender{instance="a"}': "1x6 0x21",
            'parley_webhook_sender{instance="b"}': "0x27",
        },
        quiet={
            'parley_webhook_sender{instance="a"}': "1x6 0x21",
            'parley_webhook_sender{instance="b"}': "0x9 1x18",
        },
    ),
    "FewFilesLeft": Case(
        "75s",
        fires={
            'process_open_fds{job="gateway",instance="a"}': "850x15",
            'process_max_fds{job="gateway",instance="a"}': "1000x15",
        },
        quiet={
            'process_open_fds{job="gateway",instance="a"}': "850x6 750x8",
            'process_max_fds{job="gateway",instance="a"}': "1000x15",
        },
    ),
}


def alerts() -> dict[str, str]:
    """What the file says of each alert."""
    parts = re.split(r"- alert: (\w+)\n", ALERTS.read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_alert_has_a_case() -> None:
    assert CASES.keys() == alerts().keys()


def test_every_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path)
    groups = [group for alert in CASES for group in (that_fires(alert), that_is_quiet(alert))]
    tests = {"rule_files": [ALERTS.name], "evaluation_interval": "5s", "tests": groups}
    (tmp_path / "cases.yml").write_text(json.dumps(tests))  # JSON is YAML
    done = promtool(tmp_path, "test", "rules", "cases.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def that_fires(alert: str) -> dict[str, Any]:
    """It fires, with the labels that its text names."""
    named = re.findall(r"\$labels\.(\w+)", alerts()[alert])
    wanted = "".join(f',{label}!=""' for label in named)
    expr = f'count(ALERTS{{alertname="{alert}",alertstate="firing",severity=~"page|ticket"{wanted}}})'
    fired = [{"labels": "{}", "value": CASES[alert].alerts}]
    return group(f"{alert} fires", CASES[alert].fires, CASES[alert].by, expr, fired)


def that_is_quiet(alert: str) -> dict[str, Any]:
    """It never fires."""
    expr = f'count(count_over_time(ALERTS{{alertname="{alert}",alertstate="firing"}}[1d]))'
    return group(f"{alert} is quiet", CASES[alert].quiet, CASES[alert].by, expr, [])


def group(name: str, series: Series, by: str, expr: str, samples: list[Any]) -> dict[str, Any]:
    """One test of promtool's."""
    return {
        "name": name,
        "interval": "5s",
        "input_series": [{"series": labels, "values": values} for labels, values in series.items()],
        "promql_expr_test": [{"expr": expr, "eval_time": by, "exp_samples": samples}],
    }


def promtool(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder; the one of the image that compose starts, if there is none here."""
    if here := shutil.which("promtool"):
        return subprocess.run([here, *args], cwd=folder, capture_output=True, text=True)
    image = re.search(r"image: (prom/prometheus:\S+)", COMPOSE.read_text())
    assert image
    contained = ["run", "--rm", "--network", "none", "--volume", f"{folder}:/cases:ro", "--workdir", "/cases"]
    return subprocess.run(
        [docker(), *contained, "--user", "0:0", "--entrypoint", "promtool", image[1], *args],
        capture_output=True,
        text=True,
    )
