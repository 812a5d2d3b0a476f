"""Between messages of the contract and what timeline_svc works with."""

from __future__ import annotations

from collections.abc import Iterable

from aviary.events.v1 import events_pb2
from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as internal
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.type.v1.tweet_pb2 import Tweet
from timeline_svc.model import AuthorClass, FanoutState, FanoutStatus

_CLASSES = {
    events_pb2.AUTHOR_CLASS_PUSH: AuthorClass.PUSH,
    events_pb2.AUTHOR_CLASS_BOTH: AuthorClass.BOTH,
    events_pb2.AUTHOR_CLASS_PULL: AuthorClass.PULL,
}


def author_class_of(value: events_pb2.AuthorClass.ValueType) -> AuthorClass:
    """PUSH where none is said: the class of an author whom nobody has followed yet."""
    return _CLASSES.get(value, AuthorClass.PUSH)


def add_items(response: pb.ListHomeTimelineResponse, tweets: Iterable[Tweet], *, viewer_id: int) -> None:
    """Append an item for each tweet."""
    for tweet in tweets:
        is_own = tweet.user_id == viewer_id
        reason = pb.TIMELINE_REASON_OWN if is_own else pb.TIMELINE_REASON_FOLLOWED_AUTHOR
        # Half the cost of handing the tweet to a constructor, which merges it field by field.
        response.items.add(reason=reason, sort_id=tweet.tweet_id).tweet.CopyFrom(tweet)


_STATES = {
    FanoutState.UNKNOWN: internal.FANOUT_STATE_UNKNOWN,
    FanoutState.PULLED: internal.FANOUT_STATE_PULLED,
    FanoutState.RUNNING: internal.FANOUT_STATE_RUNNING,
    FanoutState.DONE: internal.FANOUT_STATE_DONE,
    FanoutState.DEAD: internal.FANOUT_STATE_DEAD,
}


def to_status_message(status: FanoutStatus) -> internal.GetFanoutStatusResponse:
    """Counts and times are absent where they are not known."""
    message = internal.GetFanoutStatusResponse(state=_STATES[status.state], reason=status.dead_reason)
    if status.recipients_count:
        message.counts.recipients_count = status.recipients_count
        message.counts.delivered_count = status.delivered_count
        message.counts.skipped_count = status.skipped_count
        message.counts.pending_count = status.pending_count
        message.first_visible_time.FromMicroseconds(status.first_us)
        message.last_visible_time.FromMicroseconds(status.last_us)
    return message
