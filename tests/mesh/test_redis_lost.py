"""Redis is disposable: emptied at any moment, it changes no answer beyond its latency."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from redis.asyncio import Redis

from tests.mesh.support.actions import home, sign_up_many
from tests.mesh.support.api import Api, Person
from tests.mesh.support.running_mesh import RunningMesh
from tests.mesh.support.story import Story
from tests.support.wait_until import wait_until

FLUSHES = 5


@pytest.fixture
async def story(api: Api) -> tuple[Story, list[Person]]:
    """Five people who follow each other, with eight tweets each, all delivered."""
    story = Story(api)
    people = await sign_up_many(api, 5)
    for person in people:
        await story.follow(person, *people)
    await asyncio.gather(*(story.post_many(person, 8) for person in people))
    await story.comes_true(people)
    return story, people


async def test_flushall_in_mid_read_changes_no_page(
    mesh: RunningMesh, api: Api, story: tuple[Story, list[Person]], tell: Callable[[str], None]
) -> None:
    told, people = story
    before = len(api.failures)
    pages: list[bool] = []
    is_over = asyncio.Event()

    async def read(person: Person) -> None:
        expected = told.history.home_of(person)
        while not is_over.is_set():
            pages.append(await home(api, person, page_size=7) == expected)

    def have_been_read(enough: int) -> bool:
        return len(pages) >= enough

    async def empty_redis() -> None:
        async with Redis.from_url(mesh.find("redis")["address"]) as redis:
            for _ in range(FLUSHES):
                enough = len(pages) + 10
                await redis.flushall()
                await wait_until(partial(have_been_read, enough), at_most=30)
        is_over.set()

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(read(person))
        group.create_task(empty_redis())
    tell(
        f"Redis emptied {FLUSHES} times in mid-read: {len(pages)} timelines read, {pages.count(False)} of them wrong,"
        f" {len(api.failures) - before} calls repeated"
    )
    assert len(pages) >= FLUSHES * 10
    assert all(pages)


async def test_flushall_in_mid_fan_out_loses_nothing(mesh: RunningMesh, story: tuple[Story, list[Person]]) -> None:
    told, people = story

    async def empty_redis() -> None:
        async with Redis.from_url(mesh.find("redis")["address"]) as redis:
            for _ in range(FLUSHES):
                await redis.flushall()
                await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(told.post_many(person, 4))
        group.create_task(empty_redis())
    await told.comes_true(people, at_most=10)
