"""What this service announces. Who must confirm an event stands in the contract, at the event's payload."""

from __future__ import annotations

from aviary.events.v1 import events_pb2
from mesh.events.announce import new_event
from mesh.events.interface import OutboxEvent
from tweet_svc.convert import to_message
from tweet_svc.model import Tweet


def tweet_created(tweet: Tweet, *, at_us: int) -> OutboxEvent:
    """The event has the tweet's own id, so a repeated insert writes the same event."""
    payload = events_pb2.TweetCreated(tweet=to_message(tweet))
    return new_event("tweet_created", payload, event_id=tweet.tweet_id, at_us=at_us, key=tweet.user_id)


def tweet_deleted(tweet: Tweet, *, event_id: int, at_us: int) -> OutboxEvent:
    """Says what the tweet answered, for whoever counts replies."""
    payload = events_pb2.TweetDeleted(
        tweet_id=tweet.tweet_id, user_id=tweet.user_id, in_reply_to_tweet_id=tweet.in_reply_to_tweet_id
    )
    return new_event("tweet_deleted", payload, event_id=event_id, at_us=at_us, key=tweet.user_id)
