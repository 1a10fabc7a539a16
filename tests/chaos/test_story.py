"""Stories add up to what a peer must know."""

from tests.chaos.rig.story import Entry, Got, Sent, Story, View, take_out_questions, views


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


def test_only_what_a_peer_asked_for_is_taken_out_of_its_story() -> None:
    before = [Got("room-join-accept", "room", 1, "ann", View(frozenset({"ann", "ben"}), "ben"))]
    meanwhile: list[Entry] = [
        Got("ice-candidate", "room", 7, "ben"),
        Got("room-user-join", "room", 8, "cas"),
        Sent(10, "room-join-reject", "room", "dan"),
        Got("session-description", "room", 11, "ben"),
    ]
    shown = View(frozenset({"ann", "ben", "cas"}), "ben")
    story = Story("ann", True, [
        *before,
        Sent(9, "room-join-request", "room"),
        *meanwhile[:3],
        Got("room-join-accept", "room", 9, "ann", shown),
        meanwhile[3],
    ])  # fmt: skip
    assert take_out_questions(story, len(before)) == {"room": shown}
    assert story.entries == [*before, *meanwhile]
