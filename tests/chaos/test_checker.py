"""The checker finds each fault in the records of a broken run, and none in those of a good one."""

import copy
from collections.abc import Callable

import pytest

from tests.chaos.rig.checker import faults
from tests.chaos.rig.story import OK, Back, Got, Sent, Story, View
from tests.chaos.rig.wire import back

Stories = dict[str, Story]


def good_run() -> Stories:
    """Ann's room: Ben is let in, Cas is let in and leaves, Dan is refused; relays go to and fro."""
    room, both, all_three = "room", frozenset({"ann", "ben"}), frozenset({"ann", "ben", "cas"})
    ann = Story("ann", True, [
        Sent(1, "room-create-request", room, answer=OK),
        Got("room-create-accept", room, 1),
        Got("room-join-request", room, 2, "ben"),
        Sent(3, "room-join-accept", room, "ben", OK),
        Got("room-user-join", room, 3, "ben"),
        Sent(4, "relay-session-description", room, "ben", OK),
        Got("room-join-request", room, 7, "cas"),
        Sent(8, "room-join-accept", room, "cas", OK),
        Got("room-user-join", room, 8, "cas"),
        Sent(10, "relay-ice-candidate", room, "ben", OK),
        Got("ice-candidate", room, 11, "ben"),
        Got("room-user-leave", room, 12, "cas"),
        Sent(13, "relay-ice-candidate", room, "ben"),
    ], stayed=True, truth={room: View(both, "ann")})  # fmt: skip
    ben = Story("ben", True, [
        Sent(0, "room-create-request", room, answer="taken"),
        Sent(2, "room-join-request", room, answer=OK),
        Got("room-join-accept", room, 3, "ben", View(both, "ann")),
        Got("session-description", room, 4, "ann"),
        Got("room-user-join", room, 8, "cas"),
        Back({room: View(all_three, "ann")}),
        Got("ice-candidate", room, 10, "ann"),
        Sent(11, "relay-ice-candidate", room, "ann", OK),
        Got("room-user-leave", room, 12, "cas"),
        Sent(14, "room-join-accept", room, "dan", "not-owner"),
    ], stayed=True, truth={room: View(both, "ann")})  # fmt: skip
    cas = Story("cas", False, [
        Sent(7, "room-join-request", room, answer=OK),
        Got("room-join-accept", room, 8, "cas", View(all_three, "ann")),
        Sent(12, "room-leave-request", room, answer=OK),
        Got("room-leave-accept", room, 12),
    ])  # fmt: skip
    dan = Story("dan", True, [Sent(15, "room-join-request", room, answer="rejected")], stayed=True)
    return {story.peer_id: story for story in (ann, ben, cas, dan)}


def found(stories: Stories) -> set[str]:
    """The names of the checks that found a fault."""
    return {fault.partition(":")[0] for fault in faults(list(stories.values()))}


def remove(story: Story, number: int) -> None:
    """Take out what the peer was told under a number."""
    story.entries = [entry for entry in story.entries if not (isinstance(entry, Got) and entry.number == number)]


def change(story: Story, number: int, **fields: object) -> None:
    """Change the record of an event that the peer sent."""
    sent = next(sent for sent in story.sent() if sent.number == number)
    for name, value in fields.items():
        setattr(sent, name, value)


def tell(story: Story, *entries: Got | Back) -> None:
    story.entries.extend(entries)


def test_a_good_run_has_no_faults() -> None:
    assert faults(list(good_run().values())) == []


def test_an_event_without_an_answer_may_have_had_its_effect() -> None:
    stories = good_run()
    tell(stories["ben"], Got("ice-candidate", "room", 13, "ann"))
    assert found(stories) == set()


def test_what_was_sent_to_one_who_went_away_may_be_gone() -> None:
    stories = good_run()
    stories["ann"].entries.insert(9, Sent(9, "relay-ice-candidate", "room", "cas", OK))
    assert found(stories) == set()


def lose_a_relay(stories: Stories) -> None:
    remove(stories["ben"], 10)


def lose_an_admission(stories: Stories) -> None:
    remove(stories["ben"], 3)
    stories["ben"].entries.remove(next(entry for entry in stories["ben"].entries if isinstance(entry, Back)))


def lose_a_join(stories: Stories) -> None:
    remove(stories["ben"], 8)
    stories["ben"].entries.remove(next(entry for entry in stories["ben"].entries if isinstance(entry, Back)))
    remove(stories["ben"], 12)
    stories["ben"].truth = stories["ann"].truth = {"room": View(frozenset({"ann", "ben", "dan"}), "ann")}


def lose_a_leave(stories: Stories) -> None:
    remove(stories["ben"], 12)


def repeat_a_relay(stories: Stories) -> None:
    tell(stories["ben"], Got("ice-candidate", "room", 10, "ann"))


def repeat_what_was_not_answered(stories: Stories) -> None:
    tell(stories["ben"], Got("ice-candidate", "room", 13, "ann"), Got("ice-candidate", "room", 13, "ann"))


def repeat_a_join(stories: Stories) -> None:
    stories["ann"].entries.insert(9, Got("room-user-join", "room", 8, "cas"))


def repeat_a_request(stories: Stories) -> None:
    stories["ann"].entries.insert(3, Got("room-join-request", "room", 2, "ben"))


def repeat_an_answer(stories: Stories) -> None:
    stories["ann"].entries.insert(2, Got("room-create-accept", "room", 1))


def swap_two_relays(stories: Stories) -> None:
    remove(stories["ben"], 4)
    tell(stories["ben"], Got("session-description", "room", 4, "ann"))


def do_what_was_refused(stories: Stories) -> None:
    change(stories["ann"], 10, answer="not-member")


def tell_what_nobody_sent(stories: Stories) -> None:
    tell(stories["ben"], Got("ice-candidate", "room", 99, "ann"))


def tell_the_wrong_one(stories: Stories) -> None:
    tell(stories["dan"], Got("ice-candidate", "room", 10, "ann"))


def tell_in_the_wrong_room(stories: Stories) -> None:
    remove(stories["ben"], 10)
    tell(stories["ben"], Got("ice-candidate", "another", 10, "ann"))


def keep_out_one_who_may_come_back(stories: Stories) -> None:
    stories["ben"].evicted = True


def say_that_one_left_who_stayed(stories: Stories) -> None:
    tell(stories["ann"], Got("room-user-leave", "room", None, "ben"), Got("room-user-join", "room", None, "ben"))


def move_ownership_for_nothing(stories: Stories) -> None:
    for name in ("ann", "ben"):
        tell(stories[name], Got("room-user-join", "room", None, "ben"), Got("room-owner", "room", None, "ben"))
        stories[name].truth = {"room": View(frozenset({"ann", "ben"}), "ben")}


def have_two_owners(stories: Stories) -> None:
    stories["ben"].truth = {"room": View(frozenset({"ann", "ben"}), "ben")}
    stories["ben"].entries[5] = Back({"room": View(frozenset({"ann", "ben", "cas"}), "ben")})


def disagree_on_members(stories: Stories) -> None:
    stories["ben"].truth = {"room": View(frozenset({"ann", "ben", "cas"}), "ann")}
    remove(stories["ben"], 12)


def have_a_ghost(stories: Stories) -> None:
    for name in ("ann", "ben"):
        remove(stories[name], 12)
        stories[name].truth = {"room": View(frozenset({"ann", "ben", "cas"}), "ann")}


def have_an_owner_outside(stories: Stories) -> None:
    for name in ("ann", "ben"):
        tell(stories[name], Got("room-user-leave", "room", None, "cas"), Got("room-owner", "room", None, "cas"))
        stories[name].truth = {"room": View(frozenset({"ann", "ben"}), "cas")}


def let_in_unasked(stories: Stories) -> None:
    stories["dan"].truth = {"room": View(frozenset({"ann", "ben"}), "ann")}


def give_a_room_twice(stories: Stories) -> None:
    change(stories["ben"], 0, answer=OK)


def give_a_room_to_nobody(stories: Stories) -> None:
    change(stories["ann"], 1, answer="taken")


def governed_run() -> Stories:
    """Ann's room: Ben, a moderator by grant, comes in; Cas is let in, kicked and banned; Dan is rejected."""
    room, both = "room", View(frozenset({"ann", "ben"}), "ann", frozenset({"ben"}), "ask")
    all_three = View(frozenset({"ann", "ben", "cas"}), "ann", frozenset({"ben"}), "ask")
    ann = Story("ann", True, [
        Sent(1, "room-create-request", room, answer=OK),
        Got("room-create-accept", room, 1),
        Got("room-user-join", room, 2, "ben"),
        Got("room-role", room, None, "ben", detail="moderator"),
        Got("room-join-request", room, 3, "cas"),
        Got("room-join-gone", room, None, "cas"),
        Got("room-user-join", room, 4, "cas"),
        Got("room-user-leave", room, None, "cas", detail="kicked"),
        Got("room-join-request", room, 7, "dan"),
        Sent(8, "room-join-reject", room, "dan", OK),
        Got("room-join-gone", room, None, "dan"),
    ], stayed=True, truth={room: both}, version=2)  # fmt: skip
    ben = Story("ben", True, [
        Sent(2, "room-join-request", room, answer=OK),
        Got("room-join-accept", room, 2, "ben", View(frozenset({"ann", "ben"}), "ann", frozenset({"ben"}), "ask")),
        Sent(4, "room-join-accept", room, "cas", OK),
        Got("room-user-join", room, 4, "cas"),
        Sent(5, "room-kick-request", room, "cas", OK, {"ban": True}),
        Got("room-user-leave", room, None, "cas", detail="kicked"),
    ], stayed=True, truth={room: both}, version=2, identity="ben", grants={"*": "moderate"})  # fmt: skip
    cas = Story("cas", True, [
        Sent(3, "room-join-request", room, answer=OK),
        Got("room-join-accept", room, 4, "cas", all_three),
        Got("room-kicked", room),
        Sent(6, "relay-ice-candidate", room, "ann", "not-member"),
    ], stayed=True, version=2, identity="cas", grants={"*": "knock"})  # fmt: skip
    dan = Story("dan", True, [
        Sent(7, "room-join-request", room, answer="rejected"),
        Got("room-join-reject", room, 8, "dan"),
    ], stayed=True)  # fmt: skip
    return {story.peer_id: story for story in (ann, ben, cas, dan)}


def test_a_good_run_with_hosts_has_no_faults() -> None:
    assert faults(list(governed_run().values())) == []


def be_inside_unasked(stories: Stories) -> None:
    for name in ("ann", "ben", "dan"):
        stories[name].truth = {"room": View(frozenset({"ann", "ben", "dan"}), "ann", frozenset({"ben"}), "ask")}


def be_inside_though_banned(stories: Stories) -> None:
    for name in ("ann", "ben", "cas"):
        stories[name].truth = {"room": View(frozenset({"ann", "ben", "cas"}), "ann", frozenset({"ben"}), "ask")}


def decide_twice(stories: Stories) -> None:
    stories["ben"].entries.append(Sent(9, "room-join-reject", "room", "dan", OK))


def speak_after_a_kick(stories: Stories) -> None:
    change(stories["cas"], 6, answer=OK)


def keep_a_host_out(stories: Stories) -> None:
    change(stories["ben"], 2, answer="closed")


def ban_a_host_that_nobody_has_banned(stories: Stories) -> None:
    change(stories["ben"], 2, answer="banned")


def let_a_member_kick(stories: Stories) -> None:
    stories["cas"].entries.insert(2, Sent(9, "room-kick-request", "room", "dan", OK))


def forget_to_say_that_a_request_is_over(stories: Stories) -> None:
    stories["ann"].entries = [
        entry
        for entry in stories["ann"].entries
        if not (isinstance(entry, Got) and entry.event == "room-join-gone" and entry.peer == "dan")
    ]


def forget_to_tell_of_a_role(stories: Stories) -> None:
    stories["ann"].entries = [
        entry for entry in stories["ann"].entries if not (isinstance(entry, Got) and entry.event == "room-role")
    ]
    stories["ann"].entries.append(Got("room-role", "room", None, "dan", detail="member"))


def have_two_owners_by_their_roles(stories: Stories) -> None:
    stories["ben"].truth = {"room": back({"rooms": [{
        "room": "room", "owner": "ann", "peers": ["ann"], "roles": {"ann": "owner", "ben": "owner"},
        "policy": {"admission": "ask"},
    }]}, "ben").rooms["room"]}  # fmt: skip


def have_a_moderator_outside(stories: Stories) -> None:
    for name in ("ann", "ben"):
        stories[name].truth = {"room": View(frozenset({"ann", "ben"}), "ann", frozenset({"ben", "cas"}), "ask")}


def disagree_on_the_policy(stories: Stories) -> None:
    stories["ben"].truth = {"room": View(frozenset({"ann", "ben"}), "ann", frozenset({"ben"}), "open")}


def leave_an_event_unanswered(stories: Stories) -> None:
    stories["cas"].numbered = True
    change(stories["cas"], 6, answer=None)


def lose_a_rejection(stories: Stories) -> None:
    remove(stories["dan"], 8)


def lose_a_rejection_though_it_was_asked_for_again(stories: Stories) -> None:
    remove(stories["dan"], 8)
    stories["dan"].numbered = True
    change(stories["dan"], 7, answer=None)


GOVERNED_BREAKS: list[tuple[Callable[[Stories], None], str]] = [
    (be_inside_unasked, "let_in_unlawfully"),
    (be_inside_though_banned, "banned_inside"),
    (decide_twice, "decided_twice"),
    (speak_after_a_kick, "acted_after_kick"),
    (keep_a_host_out, "locked_out"),
    (ban_a_host_that_nobody_has_banned, "locked_out"),
    (let_a_member_kick, "acted_without_right"),
    (forget_to_say_that_a_request_is_over, "unheard_end"),
    (forget_to_tell_of_a_role, "misled"),
    (have_two_owners_by_their_roles, "ghosts"),
    (have_a_moderator_outside, "ghosts"),
    (disagree_on_the_policy, "disagreeing"),
    (leave_an_event_unanswered, "unanswered"),
    (lose_a_rejection, "lost"),
    (lose_a_rejection_though_it_was_asked_for_again, "lost"),
]


def test_one_who_asks_again_may_learn_of_a_rejection_from_the_answer() -> None:
    stories = governed_run()
    lose_a_rejection(stories)
    stories["dan"].numbered = True
    assert found(stories) == set()


def test_one_who_is_let_in_again_may_say_again_what_was_not_answered() -> None:
    stories = governed_run()
    speak_after_a_kick(stories)
    stories["cas"].entries.append(Got("room-join-accept", "room", 4, "cas"))
    assert "acted_after_kick" in found(stories), "it sends nothing again"
    stories["cas"].numbered = True
    assert "acted_after_kick" not in found(stories)


def test_one_of_version_1_who_is_kicked_may_miss_that_the_room_is_closed_to_it() -> None:
    stories = governed_run()
    tell(stories["cas"], Got("room-user-leave", "room", None, "ann", detail="closed"))
    assert "falsely_gone" in found(stories)
    stories["cas"].version = 1
    assert "falsely_gone" not in found(stories)


@pytest.mark.parametrize(("do_break", "check"), GOVERNED_BREAKS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_broken_run_with_hosts_is_caught(do_break: Callable[[Stories], None], check: str) -> None:
    stories = copy.deepcopy(governed_run())
    do_break(stories)
    assert check in found(stories)


def tell_one_who_has_left(stories: Stories) -> None:
    tell(stories["cas"], Got("room-user-leave", "room", None, "ben"))


def tell_of_one_who_is_there_already(stories: Stories) -> None:
    tell(stories["ann"], Got("room-user-join", "room", None, "ben"))


def tell_of_one_who_has_gone_already(stories: Stories) -> None:
    tell(stories["ann"], Got("room-user-leave", "room", None, "cas"))


def tell_of_an_older_value(stories: Stories) -> None:
    stories["ann"].entries.append(Got("room-data", "room", data=(("slide", 2, 8),)))
    stories["ann"].entries.append(Got("room-data", "room", data=(("slide", 1, 7),)))


BREAKS: list[tuple[Callable[[Stories], None], str]] = [
    (tell_of_an_older_value, "contradictory"),
    (tell_one_who_has_left, "told_outside"),
    (tell_of_one_who_is_there_already, "contradictory"),
    (tell_of_one_who_has_gone_already, "contradictory"),
    (lose_a_relay, "lost"),
    (lose_an_admission, "lost"),
    (lose_a_join, "misled"),
    (lose_a_leave, "misled"),
    (repeat_a_relay, "repeated"),
    (repeat_what_was_not_answered, "repeated"),
    (repeat_a_join, "repeated"),
    (repeat_a_request, "repeated"),
    (repeat_an_answer, "repeated"),
    (swap_two_relays, "disordered"),
    (do_what_was_refused, "refused_but_done"),
    (tell_what_nobody_sent, "forged"),
    (tell_the_wrong_one, "forged"),
    (tell_in_the_wrong_room, "forged"),
    (keep_out_one_who_may_come_back, "evicted"),
    (say_that_one_left_who_stayed, "falsely_gone"),
    (move_ownership_for_nothing, "moved_ownership"),
    (have_two_owners, "disagreeing"),
    (disagree_on_members, "disagreeing"),
    (have_a_ghost, "ghosts"),
    (have_an_owner_outside, "ghosts"),
    (let_in_unasked, "misled"),
    (give_a_room_twice, "two_winners"),
    (give_a_room_to_nobody, "no_winner"),
]


def test_one_that_left_at_once_need_not_be_told_that_it_was_let_in() -> None:
    stories = good_run()
    remove(stories["cas"], 8)
    stories["cas"].stayed = True
    assert "lost" not in found(stories), "it has left, and its request was answered"
    change(stories["cas"], 7, answer=None)
    assert "lost" in found(stories)


def test_one_that_is_told_that_the_room_is_closed_need_not_be_told_that_it_was_let_in() -> None:
    stories = good_run()
    cas = stories["cas"]
    cas.entries, cas.stayed = [Sent(7, "room-join-request", "room", answer=OK)], True
    cas.entries.insert(0, Got("room-closed", "room", None))
    assert "lost" in found(stories), "that was before it asked"
    tell(cas, Got("room-closed", "room", None))
    assert "lost" not in found(stories)


def test_one_that_came_back_may_be_told_of_the_owner_that_it_has_found() -> None:
    stories = good_run()
    tell(stories["ben"], Got("room-user-join", "room", None, "eve"), Got("room-owner", "room", None, "cas"))
    assert "moved_ownership" in found(stories)
    stories["ben"].entries.insert(-1, Back({"room": View(frozenset({"ben", "cas"}), "cas")}))
    assert "moved_ownership" not in found(stories)


def test_one_that_came_back_may_be_told_again_that_it_was_rejected() -> None:
    stories = governed_run()
    tell(stories["dan"], Got("room-join-reject", "room", 8, "dan"))
    assert "repeated" in found(stories)
    stories["dan"].entries.insert(-1, Back({}))
    assert "repeated" not in found(stories)


def test_a_room_may_be_given_again_when_its_first_owner_has_left_it() -> None:
    stories = good_run()
    stories["cas"].entries += [Sent(20, "room-create-request", "next", answer=OK)]
    stories["cas"].entries += [Sent(21, "room-leave-request", "next", answer=OK)]
    stories["dan"].entries += [Sent(22, "room-create-request", "next", answer=OK)]
    assert "two_winners" not in found(stories)
    stories["dan"].entries += [Sent(19, "room-create-request", "next", answer=OK)]
    assert "two_winners" in found(stories), "it had the room before, and has never left it"


def test_one_who_is_in_a_room_again_may_be_told_of_it() -> None:
    for again in (Got("room-join-accept", "room"), Back({"room": View(frozenset({"cas", "ben"}), "ben")})):
        stories = good_run()
        stories["cas"].version = 2  # in version 1 nothing is looked at behind a return
        tell(stories["cas"], again)
        tell(stories["cas"], Got("room-user-leave", "room", None, "ben"))
        assert "told_outside" not in found(stories)


def test_one_of_version_1_may_be_told_of_what_it_has_found_when_it_came_back() -> None:
    stories = good_run()
    tell(stories["ben"], Got("room-user-leave", "room", 12, "cas"))
    assert "contradictory" not in found(stories)
    stories["ben"].version = 2
    assert "contradictory" in found(stories)


@pytest.mark.parametrize(("do_break", "check"), BREAKS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_broken_run_is_caught(do_break: Callable[[Stories], None], check: str) -> None:
    stories = copy.deepcopy(good_run())
    do_break(stories)
    assert check in found(stories)


def test_a_new_owner_may_be_told_of_a_request_again() -> None:
    stories = {
        "ann": Story("ann", True, [
            Got("room-join-request", "room", 1, "cas"),
            Got("room-user-leave", "room", None, "ben"),
            Got("room-owner", "room", None, "ann"),
            Got("room-join-request", "room", 1, "cas"),
        ]),
        "cas": Story("cas", True, [Sent(1, "room-join-request", "room")]),
    }  # fmt: skip
    assert found(stories) == set()


@pytest.mark.parametrize(("grant", "expected"), [("own", set()), ("enter", {"repeated"})])
def test_a_host_by_grant_that_left_is_told_again_who_waits_when_it_comes_in(grant: str, expected: set[str]) -> None:
    told_again: list[Sent | Got | Back] = [
        Got("room-join-request", "room", 1, "cas"),
        Sent(2, "room-leave-request", "room", "", OK),
        Got("room-leave-accept", "room", 2),
        Sent(3, "room-join-request", "room", "", OK),
        Got("room-join-accept", "room", 3),
        Got("room-join-request", "room", 1, "cas"),
    ]
    ann = Story("ann", True, told_again, version=2, identity="ann", grants={"*": grant})
    cas = Story("cas", True, [Sent(1, "room-join-request", "room")])
    assert found({"ann": ann, "cas": cas}) & {"repeated"} == expected


def test_one_who_came_back_may_get_an_answer_again_but_once() -> None:
    ann = Story("ann", True, [
        Sent(1, "relay-ice-candidate", "room", "ben", "not-member"),
        Got("request-reject", "room", 1),
        Back({}),
        Got("request-reject", "room", 1),
    ])  # fmt: skip
    assert found({"ann": ann}) == set()
    ann.entries.append(Got("request-reject", "room", 1))
    assert found({"ann": ann}) == {"repeated"}
