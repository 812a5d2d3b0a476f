"""The own event: the account goes into the cache, over what was there."""

from __future__ import annotations

from aviary.events.v1.events_pb2 import Event
from user_svc.convert import to_message
from user_svc.store import UserStore
from views.cache import BodyCache


async def on_user_changed(event: Event, *, store: UserStore, cache: BodyCache) -> None:
    """Make the cache say what the store says. Raises Unavailable: the outbox repeats it.

    The row is read again after the write, until it is what was written: another change may have come in between,
    and its own event may have been quicker.
    """
    user_id = event.user_changed.user_id
    written = None
    account = (await store.get_many([user_id])).get(user_id)
    while account is not None and account != written:
        await cache.put_user(to_message(account))
        written = account
        account = (await store.get_many([user_id])).get(user_id)
