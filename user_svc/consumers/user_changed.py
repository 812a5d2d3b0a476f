"""The own event: the account goes into the cache, over what was there."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aviary.events.v1.events_pb2 import Event
from mesh.clock import Clock
from mesh.events.consume import NotYet
from mesh.failpoints import fp
from user_svc.convert import to_message
from user_svc.model import Account
from user_svc.store import SIGN_UPS_END_AFTER, UserStore
from views.cache import BodyCache

# An account comes milliseconds after its event, if it comes after it at all.
LOOKS = 20
BETWEEN_LOOKS = timedelta(milliseconds=50)


async def on_user_changed(event: Event, *, store: UserStore, cache: BodyCache, clock: Clock) -> None:
    """Make the cache say what the store says. Raises Unavailable and NotYet: the outbox repeats it.

    The row is read again after the write, until it is what was written: another change may have come in between,
    and its own event may have been quicker. An account that is not there may come for as long as sign-ups last.
    """
    user_id = event.user_changed.user_id
    age = timedelta(microseconds=clock.now_us() - event.event_time.ToMicroseconds())
    is_new = age < SIGN_UPS_END_AFTER
    written = None
    account = await _awaited(user_id, store, looks=LOOKS if is_new else 1)
    if account is None and is_new:
        raise NotYet(BETWEEN_LOOKS)
    while account is not None and account != written:
        await cache.put_user(to_message(account))
        fp("card.put")
        written = account
        account = (await store.get_many([user_id])).get(user_id)


async def _awaited(user_id: int, store: UserStore, *, looks: int) -> Account | None:
    for look in range(looks):
        if look:
            await asyncio.sleep(BETWEEN_LOOKS.total_seconds())
        account = (await store.get_many([user_id])).get(user_id)
        if account is not None:
            return account
    return None
