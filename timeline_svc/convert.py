"""Between messages of the contract and what timeline_svc works with."""

from __future__ import annotations

from collections.abc import Iterable

from aviary.events.v1 import events_pb2
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.type.v1.tweet_pb2 import Tweet
from timeline_svc.model import AuthorClass

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
