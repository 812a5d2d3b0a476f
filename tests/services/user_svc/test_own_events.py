"""The own consumer: the cached account follows the stored one, whatever the order of the events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aviary.events.v1.events_pb2 import Event, UserChanged
from aviary.type.v1.user_pb2 import User
from aviary.user.v1.user_service_pb2 import UpdateUserRequest
from mesh.clock import FrozenClock, SystemClock
from mesh.errors import Unavailable
from mesh.events.consume import NotYet
from mesh.storage.redis import open_redis
from tests.conformance.user_store.cases import NOW_US, Opened, an_account, an_event, create, open_sqlite
from tests.services.user_svc.callers import Callers
from tests.support.running import running
from tests.support.wait_until import wait_until
from user_svc.app import open_service
from user_svc.config import UserConfig
from user_svc.consumers.user_changed import on_user_changed
from user_svc.convert import to_message
from user_svc.model import ProfileChange
from user_svc.store import SIGN_UPS_END_AFTER, UserStore
from views.cache import BodyCache

ACCOUNT = an_account(1)
CHANGED = Event(event_id=1, user_changed=UserChanged(user_id=1))


class ChangedMeanwhile(BodyCache):
    """A cache whose first write is overtaken by a change of the row."""

    def __init__(self, redis: Redis, users: UserStore) -> None:
        super().__init__(redis)
        self._users = users
        self._overtaken = False

    async def put_user(self, user: User) -> None:
        if not self._overtaken:
            self._overtaken = True
            await self._users.update(1, ProfileChange(bio="newer"), announce=an_event(2), at_us=NOW_US + 1)
        await super().put_user(user)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    async with open_sqlite(tmp_path) as opened:
        yield opened


async def test_the_service_keeps_the_cache_true_without_a_broker(config: UserConfig, redis: Redis) -> None:
    async with open_service(config) as service, running(service, role="all") as user_svc:
        users = Callers(user_svc)
        ann = await users.sign_up("Ann")

        async def is_cached_with(bio: str) -> bool:
            found = await BodyCache(redis).users([ann.user_id])
            return ann.user_id in found and found[ann.user_id].bio == bio

        await wait_until(lambda: is_cached_with("hi"))
        await users.user(ann.user_id).UpdateUser(UpdateUserRequest(user=User(bio="new")))
        await wait_until(lambda: is_cached_with("new"))


async def test_an_account_is_cached_as_it_is_stored(opened: Opened, redis: Redis) -> None:
    await create(opened.users, ACCOUNT)
    await on_user_changed(CHANGED, store=opened.users, cache=BodyCache(redis), clock=SystemClock())
    assert await BodyCache(redis).users([1]) == {1: to_message(ACCOUNT)}


async def test_a_write_that_a_change_overtook_is_made_again(opened: Opened, redis: Redis) -> None:
    await create(opened.users, ACCOUNT)
    await on_user_changed(CHANGED, store=opened.users, cache=ChangedMeanwhile(redis, opened.users), clock=SystemClock())
    newer = replace(ACCOUNT, bio="newer", updated_us=NOW_US + 1)
    assert await BodyCache(redis).users([1]) == {1: to_message(newer)}


async def test_without_redis_the_event_fails_so_that_it_is_repeated(opened: Opened) -> None:
    await create(opened.users, ACCOUNT)
    async with open_redis("redis://127.0.0.1:1") as nobody:
        with pytest.raises(Unavailable):
            await on_user_changed(CHANGED, store=opened.users, cache=BodyCache(nobody), clock=SystemClock())


async def test_an_account_that_comes_after_its_event_is_waited_for(opened: Opened, redis: Redis) -> None:
    clock = FrozenClock()
    event = Event(event_id=1, user_changed=UserChanged(user_id=1))
    event.event_time.FromMicroseconds(clock.now_us())
    with pytest.raises(NotYet):
        await on_user_changed(event, store=opened.users, cache=BodyCache(redis), clock=clock)
    async with asyncio.TaskGroup() as both:
        both.create_task(on_user_changed(event, store=opened.users, cache=BodyCache(redis), clock=clock))
        both.create_task(create(opened.users, ACCOUNT))
    assert await BodyCache(redis).users([1]) == {1: to_message(ACCOUNT)}


async def test_an_event_whose_sign_up_came_to_nothing_is_done_when_sign_ups_are_over(
    opened: Opened, redis: Redis
) -> None:
    clock = FrozenClock()
    event = Event(event_id=1, user_changed=UserChanged(user_id=1))
    event.event_time.FromMicroseconds(clock.now_us())
    clock.advance(SIGN_UPS_END_AFTER)
    await on_user_changed(event, store=opened.users, cache=BodyCache(redis), clock=clock)
    assert await BodyCache(redis).users([1]) == {}
