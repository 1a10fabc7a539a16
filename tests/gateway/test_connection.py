from tests.gateway.wire import connection, wire


def test_frames_go_out_in_order() -> None:
    client = connection("s1")
    client.send([b"42[1]", b"42[2]"])
    client.send([])
    client.send([b"42[3]"])
    assert wire(client).acts == ["42[1]", "42[2]", "42[3]"]


def test_one_that_is_parted_with_is_told_not_to_come_back_and_heard_no_more() -> None:
    client = connection("s1")
    client.part()
    assert wire(client).acts == ["ignore", "41", "leave"]
