"""TLS between a process and NATS, with certificates as the deployment makes them."""

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev import nats
from shared.messaging.connection import connect, end
from shared.messaging.messaging import Messaging
from shared.messaging.settings import NatsSettings
from shared.messaging.tls import Tls
from shared.process.settings import SettingError
from shared.process.stop import Stop
from tests.certificates import made
from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT, Process
from tests.system.rig.waiting import until

TLS = 'tls {{ cert_file: "{host}/nats.crt", key_file: "{host}/nats.key", ca_file: "{host}/ca.crt", verify: true }}'


class Server:
    """A NATS server that has the certificate in a folder, and wants one of its clients."""

    def __init__(self, folder: Path, host: Path) -> None:
        self.port = free_port()
        self._config, self._store = folder / f"nats-{self.port}.conf", folder / f"store-{self.port}"
        self.use(host)
        self.process = Process(f"nats-{self.port}", nats.running(self._config), {}, self.port, folder)
        self.url = f"nats://user:secret@127.0.0.1:{self.port}"  # pragma: allowlist secret

    def use(self, host: Path) -> None:
        """From the next start on, have the certificate in this folder."""
        here = f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: "{self._store}" }}\n'
        self._config.write_text(here + TLS.format(host=host) + "\n")

    async def start(self) -> None:
        ready = self.process.text().count("Server is ready")
        self.process.start()
        await until(lambda: self.process.text().count("Server is ready") > ready, "the server is ready")


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    """Those that are put in here are killed at the end."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        if server.process.running:
            await server.process.kill()


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    return made(tmp_path / "certificates", "one=localhost,127.0.0.1", "other=other.example.org")


def shown(host: Path, process: str = "broker") -> Tls:
    """What a process shows that has its host's folder."""
    return Tls(str(host / "ca.crt"), str(host / f"{process}.crt"), str(host / f"{process}.key"))


async def started(servers: list[Server], folder: Path, host: Path) -> Server:
    server = Server(folder, host)
    servers.append(server)
    await server.start()
    return server


async def refused(url: str, tls: Tls, caplog: pytest.LogCaptureFixture) -> str:
    """Why no connection comes about."""
    caplog.clear()
    connecting = asyncio.create_task(connect(url, "test", Stop(), tls=tls))
    await until(lambda: "cannot be reached" in caplog.text, "it cannot be reached")
    assert not connecting.done()
    await end(connecting)
    return caplog.text


async def heard(client: Messaging) -> bool:
    """Whether messages come through, straight, one of them longer than what TLS carries at a time."""
    got: list[bytes] = []
    subscription = await client.subscribe_straight("news", lambda _s, _r, data: got.append(data))
    for data in (b"short", b"x" * 100_000):
        client.publish_now("news", data)
    await until(lambda: len(got) == 2, "both have come")
    await subscription.unsubscribe()
    return got == [b"short", b"x" * 100_000]


async def test_messages_go_straight_and_in_order_over_tls(
    servers: list[Server], tmp_path: Path, certificates: Path
) -> None:
    server = await started(servers, tmp_path, certificates / "one")
    client = await connect(server.url, "test", Stop(), tls=shown(certificates / "one"))
    assert await heard(client)
    assert (await client.jetstream(timeout=2).account_info()).streams == 0
    await client.close()


async def test_a_server_without_tls_is_not_shown_the_password(
    certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = bytearray()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload": 8388608, "version": "2.15.1"}\r\n')
        while data := await reader.read(1024):
            said.extend(data)
        writer.close()

    listening = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        url = f"nats://user:secret@127.0.0.1:{port}"  # pragma: allowlist secret
        assert "the server speaks no TLS" in await refused(url, shown(certificates / "one"), caplog)
        assert said == b""
    finally:
        listening.close()


async def test_a_server_of_another_name_is_refused(
    servers: list[Server], tmp_path: Path, certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = await started(servers, tmp_path, certificates / "other")
    assert "127.0.0.1" in await refused(server.url, shown(certificates / "one"), caplog)


async def test_a_server_of_another_authority_is_refused(
    servers: list[Server], tmp_path: Path, certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = made(tmp_path / "stranger", "one=localhost,127.0.0.1")
    server = await started(servers, tmp_path, stranger / "one")
    assert "certificate verify failed" in await refused(server.url, shown(certificates / "one"), caplog)


async def test_a_process_that_shows_no_certificate_gets_no_connection(
    servers: list[Server], tmp_path: Path, certificates: Path
) -> None:
    server = await started(servers, tmp_path, certificates / "one")
    connecting = asyncio.create_task(connect(server.url, "test", Stop(), tls=Tls(str(certificates / "one" / "ca.crt"))))
    await until(lambda: "client didn't provide a certificate" in server.process.text(), "NATS asks for it")
    await end(connecting)


async def test_certificates_that_were_replaced_are_used_for_the_next_connection(
    servers: list[Server], tmp_path: Path, certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = await started(servers, tmp_path, certificates / "one")
    client = await connect(server.url, "test", Stop(), tls=shown(certificates / "one"))
    renewed = made(tmp_path / "renewed", "one=localhost,127.0.0.1")
    await server.process.kill()
    for name in ("nats.crt", "nats.key", "ca.crt"):
        shutil.copy(renewed / "one" / name, tmp_path / name)
    server.use(tmp_path)
    await server.start()
    await until(lambda: "certificate verify failed" in caplog.text, "what it knows is not enough any more")
    (certificates / "one" / "ca.crt").unlink()  # whoever replaces files may be in the middle of it
    await until(lambda: "No such file" in caplog.text, "a file is missing")
    assert not client.is_connected
    for name in ("ca.crt", "broker.crt", "broker.key"):
        shutil.copy(renewed / "one" / name, certificates / "one" / name)
    await until(lambda: client.is_connected, "it is back")
    assert await heard(client)
    await client.close()


async def test_a_server_takes_new_certificates_when_it_is_asked_to_read_its_files_again(
    servers: list[Server], tmp_path: Path, certificates: Path
) -> None:
    server = await started(servers, tmp_path, certificates / "one")
    client = await connect(server.url, "test", Stop(), tls=shown(certificates / "one"))
    renewed = made(tmp_path / "renewed", "one=localhost,127.0.0.1") / "one"
    for file in renewed.iterdir():
        shutil.copy(file, certificates / "one")
    server.process.signal(signal.SIGHUP)
    await until(lambda: "Reloaded: tls" in server.process.text(), "it has read them")
    other = await connect(server.url, "test", Stop(), tls=shown(renewed))
    for each in (client, other):  # connections live on
        assert await heard(each)
        await each.close()


async def test_a_frozen_server_is_left_for_the_next_one_without_waiting_for_its_goodbye(
    servers: list[Server], tmp_path: Path, certificates: Path
) -> None:
    frozen = await started(servers, tmp_path, certificates / "one")
    other = await started(servers, tmp_path, certificates / "one")
    client = await connect(f"{frozen.url},{other.url}", "test", Stop(), tls=shown(certificates / "one"))
    frozen.process.signal(signal.SIGSTOP)
    # as the library does when its pings are not answered, which takes it 15 s
    await client._process_op_err(ConnectionResetError())  # type: ignore[attr-defined]
    await until(lambda: client.is_connected, "it is with the other one", within=5)
    assert await heard(client)
    await client.close()


async def test_a_process_ends_although_its_server_is_frozen(
    servers: list[Server], tmp_path: Path, certificates: Path
) -> None:
    server = await started(servers, tmp_path, certificates / "one")
    client = await connect(server.url, "test", Stop(), tls=shown(certificates / "one"))
    server.process.signal(signal.SIGSTOP)
    async with asyncio.timeout(5):
        await client.close()


@pytest.mark.parametrize(
    ("given", "blamed", "why"),
    [
        ({"nats_ca": "gone.crt"}, "NATS_CA", "cannot be read"),
        ({"nats_cert": "gone.crt", "nats_key": "gone.key"}, "NATS_CERT", "cannot be read"),
        ({"nats_cert": "one.crt"}, "NATS_KEY", "go together"),
        ({"nats_key": "one.key"}, "NATS_CERT", "go together"),
        ({"nats_ca": "junk"}, "NATS_CA", "not a usable certificate"),
        ({"nats_cert": "one.crt", "nats_key": "two.key"}, "NATS_CERT", "not a usable certificate"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, certificates: Path, given: dict[str, str], blamed: str, why: str
) -> None:
    (tmp_path / "junk").write_text("junk")
    shutil.copy(certificates / "one" / "broker.crt", tmp_path / "one.crt")
    shutil.copy(certificates / "one" / "broker.key", tmp_path / "one.key")
    shutil.copy(certificates / "one" / "gateway.key", tmp_path / "two.key")
    with pytest.raises(SettingError, match=f"^{blamed}: .*{why}"):
        NatsSettings(**{name: str(tmp_path / value) for name, value in given.items()})


@pytest.mark.parametrize("program", ["gateway", "broker", "auth_api"])
def test_a_process_with_a_file_that_cannot_be_read_says_so_and_ends(program: str) -> None:
    environ = {"APP_SECRET": "x" * 32, "APP_PASS": "x", "NATS_CA": "/gone/ca.crt"}
    done = subprocess.run([sys.executable, "-m", program], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"{program}: NATS_CA: /gone/ca.crt cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    ("settings", "asked"),
    [({}, False), ({"nats_url": "tls://127.0.0.1:4222"}, True)],
)
def test_tls_is_spoken_when_it_is_asked_for(settings: dict[str, str], asked: bool) -> None:
    assert (NatsSettings(**settings).tls is not None) is asked
