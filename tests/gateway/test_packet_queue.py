import asyncio

import pytest

from gateway.packet_queue import PacketQueue


async def test_what_was_put_first_is_got_first() -> None:
    queue = PacketQueue()
    assert queue.empty()
    for number in range(3):
        queue.put_nowait(number)
    assert not queue.empty()
    assert [queue.get_nowait(), await queue.get(), await queue.get()] == [0, 1, 2]
    assert queue.empty()
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()


async def test_those_who_wait_get_one_each_in_their_order() -> None:
    queue = PacketQueue()
    getting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(3):
        queue.put_nowait(number)
    assert await asyncio.gather(*getting) == [0, 1, 2]
    assert queue.empty()


async def test_one_that_gives_up_leaves_what_it_was_woken_for_to_the_next() -> None:
    queue = PacketQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait("it")
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "it"
    assert first.cancelled()
    third = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    third.cancel()
    await asyncio.sleep(0)
    queue.put_nowait("that")
    assert queue.get_nowait() == "that"
