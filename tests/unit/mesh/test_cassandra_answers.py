"""Answers of the driver's threads reach who waits for them, whichever thread comes first."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator

import pytest

from mesh.storage.cassandra_answers import Answers

THREADS, ANSWERS = 4, 5_000


@pytest.fixture(autouse=True)
def hasty_threads() -> Iterator[None]:
    """Let threads change as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


async def test_none_is_left_behind_by_several_threads() -> None:
    loop = asyncio.get_running_loop()
    answers = Answers(loop)
    asked = [[loop.create_future() for _ in range(ANSWERS)] for _ in range(THREADS)]

    def answer(futures: list[asyncio.Future[int]]) -> None:
        for number, future in enumerate(futures):
            answers.hand_over(future, number, None)

    threads = [threading.Thread(target=answer, args=(futures,)) for futures in asked]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(20):
        got = await asyncio.gather(*(asyncio.gather(*futures) for futures in asked))
    assert got == [list(range(ANSWERS))] * THREADS
    for thread in threads:
        thread.join()


async def test_a_single_answer_after_each_other_is_never_left_behind() -> None:
    """The moment between the last answer that is taken and the next that comes."""
    loop = asyncio.get_running_loop()
    answers = Answers(loop)
    for number in range(2_000):
        asked: asyncio.Future[int] = loop.create_future()
        thread = threading.Thread(target=answers.hand_over, args=(asked, number, None))
        thread.start()
        async with asyncio.timeout(5):
            assert await asked == number
        thread.join()


async def test_a_failure_is_raised_and_who_went_away_is_passed_over() -> None:
    loop = asyncio.get_running_loop()
    answers = Answers(loop)
    gone: asyncio.Future[int] = loop.create_future()
    failed: asyncio.Future[int] = loop.create_future()
    gone.cancel()
    answers.hand_over(gone, 1, None)
    answers.hand_over(failed, None, OSError("lost"))
    with pytest.raises(OSError, match="lost"):
        await failed


def test_a_loop_that_is_closed_wants_no_answer() -> None:
    loop = asyncio.new_event_loop()
    answers = Answers(loop)
    asked: asyncio.Future[int] = loop.create_future()
    loop.close()
    answers.hand_over(asked, 1, None)
    assert not asked.done()
