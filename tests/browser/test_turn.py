"""A call that has no way but over a TURN server, with the credentials that gateways hand out."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.conftest import ARGUMENTS
from tests.browser.library import ChromiumPage, Site
from tests.browser.test_client import CALL, given
from tests.conftest import StartSystem
from tests.deploy.tool import tool
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process

SECRET = "a secret for tests"
# What a page does before anything else: it takes no way but over a relay, and remembers its connections.
RELAYED = """
globalThis.connections = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(options) {
    super({ ...options, iceTransportPolicy: "relay" });
    connections.push(this);
  }
  setConfiguration(options) {
    super.setConfiguration({ ...options, iceTransportPolicy: "relay" });
  }
};
globalThis.pairs = async () => {
  const connected = connections.filter((it) => it.connectionState === "connected");
  const reports = await Promise.all(connected.map((it) => it.getStats()));
  return reports.flatMap((report) => [...report.values()]
    .filter((one) => one.type === "candidate-pair" && one.state === "succeeded" && one.nominated)
    .map((one) => [report.get(one.localCandidateId).candidateType, one.bytesReceived]));
};
"""
# The pauses between two attempts grow to 16 seconds.
AGAIN = """
await until(() => connections.at(-1).connectionState === 'connected', () => connections.length, 60_000);
await flows();
"""
USER = re.compile(r"user <(\d+:[\w-]+)>")  # of an allocation that was made, as turnserver logs it


@pytest.fixture
async def turn(tmp_path: Path) -> AsyncIterator[Process]:
    """A TURN server that relays on this machine alone, for those whom gateways with its secret send."""
    port = free_port()
    here = ["-p", str(port), "-L", "127.0.0.1", "-E", "127.0.0.1", "--allow-loopback-peers", "--cli-password=none"]
    argv = [tool("turnserver"), "-n", *here, "--no-tls", "--no-dtls", "--no-cli", "--realm=parley", "--use-auth-secret"]
    argv += [f"--static-auth-secret={SECRET}", "--log-file=stdout", "--simple-log", "--verbose"]
    argv += ["--userdb", str(tmp_path / "turndb"), "--pidfile", str(tmp_path / "pid")]
    process = Process("turnserver", argv, {}, port, tmp_path)
    process.start()
    yield process
    await process.kill()


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


def users(turn: Process) -> set[str]:
    """Names of those for whom it has made a relay."""
    return set(USER.findall("\n".join(line for line in turn.lines() if "ALLOCATE processed, success" in line)))


async def test_a_call_goes_over_the_relay_and_looks_for_another_way_with_fresh_credentials(
    turn: Process, browser: Browser, start_system: StartSystem
) -> None:
    system = await start_system(settings={"TURN_URLS": f"turn:127.0.0.1:{turn.port}", "TURN_SECRET": SECRET})
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(Site())
        pages = []
        for _ in range(2):
            context = await browser.new_context(permissions=["camera", "microphone"])
            await context.add_init_script(RELAYED)
            tab = await context.new_page()
            await tab.goto(site.url)
            pages.append(ChromiumPage(tab))
            await pages[-1].run(CALL)
        ann, ben = pages
        at = await given(system, 0)
        await ann.run("await take('Ann', $, { create: true }); await room.setPolicy({ admission: 'open' });", at)
        await ben.run("await take('Ben', $)", at)
        for page in pages:
            await page.run("await flows()")
            await page.run("await until(async () => (await [...call.peers.values()][0].stats()).relayed)")
            assert [kind for kind, received in await page.run("return await pairs()") if received] == ["relay"]
        first = users(turn)
        assert len({user.partition(":")[2] for user in first}) == 2  # one credential for each of the two

        # The relay dies, and with it both ways. Another one comes, which must be asked with new credentials.
        before = [await page.run("return connections[0].getConfiguration().iceServers[0].username") for page in pages]
        await turn.kill()
        for page in pages:
            await page.run("await until(() => ['disconnected', 'failed'].includes(connections[0].connectionState))")
        turn.start()
        for page in pages:
            await page.run(AGAIN, None, 90)
            assert [kind for kind, received in await page.run("return await pairs()") if received] == ["relay"]
        after = [
            await page.run("return connections.at(-1).getConfiguration().iceServers[0].username") for page in pages
        ]
        assert set(after) - set(before)  # whoever restarted has asked for new ones
        assert set(after) <= users(turn) | set(before)
