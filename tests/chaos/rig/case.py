"""The stories of a run, and who did what in them: what the checks look at."""

from collections import Counter
from collections.abc import Sequence

from tests.chaos.rig.story import Story


class Case:
    """All stories, and who did what in them."""

    def __init__(self, stories: Sequence[Story]) -> None:
        self.stories = {story.peer_id: story for story in stories}
        self.sent = {sent.number: (story, sent) for story in stories for sent in story.sent()}
        self.told = Counter((story.peer_id, got.event, got.number) for story in stories for got in story.got())

    def stays(self, peer_id: str) -> bool:
        """Whether this peer was there until the end."""
        return peer_id in self.stories and self.stories[peer_id].stayed

    def key_of(self, peer_id: str) -> str:
        """Whom a ban of this peer would hold."""
        return self.stories[peer_id].key if peer_id in self.stories else peer_id
