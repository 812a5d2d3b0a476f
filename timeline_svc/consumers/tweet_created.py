"""A tweet was posted: bring it to the author's followers."""

from __future__ import annotations

from datetime import timedelta

from aviary.events.v1.events_pb2 import Event
from mesh.events.confirm import LONGEST_REASON
from mesh.events.consume import NotYet, Outcome
from timeline_svc.fanout.deliver import Fanout
from timeline_svc.store import FanoutRecords
from views.clients.tweets import StoredTweets

NOT_VISIBLE_YET = timedelta(seconds=1)


async def abandon_tweet_created(event: Event, reason: str, *, records: FanoutRecords) -> None:
    """Keep for operators why the fan-out did not begin. Other events have no fan-out."""
    if event.HasField("tweet_created"):
        await records.give_up(event.tweet_created.tweet.tweet_id, reason[:LONGEST_REASON])


async def on_tweet_created(event: Event, *, tweets: StoredTweets, fanout: Fanout) -> Outcome:
    """A deleted tweet needs nothing. One that is unknown is not visible yet, which is not the same: raises NotYet."""
    tweet = event.tweet_created.tweet
    bodies = await tweets.get_many([tweet.tweet_id])
    if tweet.tweet_id in bodies.deleted:
        return Outcome.DONE
    if tweet.tweet_id not in bodies.live:
        raise NotYet(NOT_VISIBLE_YET)
    is_done = await fanout.begin(tweet_id=tweet.tweet_id, author_id=tweet.user_id, event_id=event.event_id)
    return Outcome.DONE if is_done else Outcome.HANDED_ON
