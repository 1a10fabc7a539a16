"""A chaos run with a fixed seed; ``make chaos`` runs longer, and with other ones."""

from pathlib import Path

import pytest

from tests.chaos.rig.run import Run

SEED = 6
SECONDS = 35.0
LONGEST = 3.0  # seconds that one fault lasts
ENOUGH = 1000  # events, for the run to mean anything


@pytest.mark.timeout(240)
async def test_promises_hold_while_processes_are_killed_and_frozen(tmp_path: Path) -> None:
    story: list[str] = []
    outcome = await Run(tmp_path, SEED, SECONDS, LONGEST, story.append).run()
    assert outcome.faults + outcome.complaints == [], story
    sent = [sent for story in outcome.stories for sent in story.sent()]
    assert sum(sent.answer is not None for sent in sent) > ENOUGH
