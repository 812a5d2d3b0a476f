"""Changes the caller's profile."""

from __future__ import annotations

from aviary.type.v1.user_pb2 import User
from aviary.user.v1.user_service_pb2 import UpdateUserRequest, UpdateUserResponse
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.errors import InvalidArgument, PermissionDenied
from mesh.failpoints import fp
from mesh.field_mask import fields_to_change
from mesh.ids import IdSource
from user_svc import events
from user_svc.clients.cards import Cards
from user_svc.model import (
    Account,
    ProfileChange,
    UserNotFound,
    checked_bio,
    checked_display_name,
    checked_location,
)
from user_svc.store import UserStore

CHANGEABLE = ("display_name", "bio", "location")


async def update_user(
    request: UpdateUserRequest, *, caller: Caller, store: UserStore, cards: Cards, ids: IdSource, clock: Clock
) -> UpdateUserResponse:
    """The account after the change. Output-only fields are ignored, a display name that is cleared is the username.

    Raises PermissionDenied for another account, and InvalidArgument for a path that does not exist, a username that
    would change, or a text that is not allowed.
    """
    if request.user.user_id not in {0, caller.user_id}:
        raise PermissionDenied("NOT_OWNER", "only its owner may change an account")
    account = (await store.get_many([caller.user_id])).get(caller.user_id)
    if account is None:
        raise UserNotFound(user_id=caller.user_id)
    fields = fields_to_change(request.update_mask, request.user, changeable=CHANGEABLE)
    _check_username(request, account)
    fp("profile.row_read")
    if fields:
        account = await store.update(
            account.user_id,
            _change(request.user, fields, account),
            announce=events.user_changed(account.user_id, event_id=ids.next_id(), at_us=clock.now_us()),
            at_us=clock.now_us(),
        )
    if account is None:
        raise UserNotFound(user_id=caller.user_id)
    fp("profile.committed")
    users = await cards.many([account])
    return UpdateUserResponse(user=users[0])


def _change(user: User, fields: frozenset[str], account: Account) -> ProfileChange:
    display_name = bio = location = None
    if "display_name" in fields:
        display_name = checked_display_name(user.display_name, field_name="user.displayName", username=account.username)
    if "bio" in fields:
        bio = checked_bio(user.bio, field_name="user.bio")
    if "location" in fields:
        location = checked_location(user.location, field_name="user.location")
    return ProfileChange(display_name, bio, location)


def _check_username(request: UpdateUserRequest, account: Account) -> None:
    paths = request.update_mask.paths
    is_named = "username" in paths or ((not paths or "*" in paths) and request.user.username)
    if is_named and request.user.username != account.username:
        raise InvalidArgument.field("user.username", "cannot be changed")
