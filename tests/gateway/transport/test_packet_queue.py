import asyncio

import pytest

from gateway.transport.packet_queue import PacketQueue


async def test_what_was_put_first_is_got_first() -> None:
    queue = PacketQueue()
    assert queue.empty()
    for number in range(3):
        queue.put_nowait(number)
    assert not queue.empty()
    await queue.wait()
    assert [queue.get_nowait() for _ in range(3)] == [0, 1, 2]
    assert queue.empty()
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()


@pytest.mark.parametrize("how", ["something comes", "they are woken"])
async def test_all_who_wait_look_again(how: str) -> None:
    queue = PacketQueue()
    waiting = [asyncio.create_task(queue.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    if how == "something comes":
        queue.put_nowait("it")
    else:
        queue.wake()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_one_that_gives_up_is_forgotten_and_takes_nothing() -> None:
    queue = PacketQueue()
    first, second = asyncio.create_task(queue.wait()), asyncio.create_task(queue.wait())
    await asyncio.sleep(0)
    first.cancel()
    queue.put_nowait("it")
    await asyncio.wait_for(second, 1)
    assert first.cancelled()
    assert not queue._getters
    assert queue.get_nowait() == "it"
