"""Stories add up to what a peer must know."""

from tests.chaos.rig.story import Got, Story, View, views


def test_views_follow_what_a_peer_was_told() -> None:
    story = Story("ann", True, [
        Got("room-join-accept", "room", 1, "ann", View(frozenset({"ann", "ben"}), "ben")),
        Got("room-user-join", "room", 2, "cas"),
        Got("room-user-leave", "room", None, "ben"),
        Got("room-owner", "room", None, "ann"),
        Got("room-create-accept", "mine", 3),
        Got("room-leave-accept", "mine", 4),
        Got("room-user-join", "unknown", 5, "dan"),
    ])  # fmt: skip
    assert views(story) == {"room": View(frozenset({"ann", "cas"}), "ann")}
