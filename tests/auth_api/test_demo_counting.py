"""The numbered messages that the demo counts while something is killed, when whoever echoes them is up to something."""

from pathlib import Path

from tests.auth_api.modules import ask

# An echo of numbers that were never sent, such as Array's own names.
ECHO = """
let hear, run;
globalThis.setInterval = () => 0;
const room = {
  others: [{ peer_id: "mallory" }],
  members: new Map(),
  on: (_, listener) => (hear = listener),
  send: async ({ run: own }) => (run = own),
};
const count = new it.Count(room);
count.start();
count.partner = { peer_id: "mallory" };
for (const number of given) hear({ kind: "number-echo", peer_id: "mallory", body: { run, number } });
return { touched: ["back" in [], "back" in [].map], twice: count.twice };
"""


def test_an_echo_of_what_was_never_sent_counts_for_nothing_and_leaves_no_trace(tmp_path: Path) -> None:
    given = ["__proto__", "map", "constructor", -1, 0, 1e9, None, {}, ["map"]]
    assert ask(tmp_path, "counting", ECHO, given) == {"touched": [False, False], "twice": 0}
