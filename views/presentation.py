"""Puts what was read onto the messages of the answer. It asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1 import tweet_pb2
from aviary.type.v1.user_pb2 import User

# An answer may take 1 MiB. The rest of it is for what a service puts around the tweets.
MOST_BYTES = (1 << 20) - (1 << 16)
# What an entry takes beside its own bytes: its tag and its length.
ENTRY_BYTES = 5


def set_engagement(
    tweets: Iterable[tweet_pb2.Tweet], engagements: Mapping[int, TweetEngagement], *, viewer_id: int
) -> set[tweet_pb2.DegradedPart.ValueType]:
    """Set counts and viewer state on the tweets, and say which parts some of them go without.

    An anonymous viewer has no viewer state, so none is missing.
    """
    absent: set[tweet_pb2.DegradedPart.ValueType] = set()
    for tweet in tweets:
        engagement = engagements.get(tweet.tweet_id)
        if engagement is not None and engagement.HasField("counts"):
            tweet.counts.CopyFrom(engagement.counts)
        else:
            absent.add(tweet_pb2.DEGRADED_PART_COUNTS)
        if not viewer_id:
            continue
        if engagement is not None and engagement.HasField("viewer"):
            tweet.viewer.CopyFrom(engagement.viewer)
        else:
            absent.add(tweet_pb2.DEGRADED_PART_VIEWER_STATE)
    return absent


def includes(users: Iterable[User], tweets: Iterable[tweet_pb2.Tweet]) -> tweet_pb2.Includes:
    """Each account and each tweet once."""
    users_by_id = {user.user_id: user for user in users}
    tweets_by_id = {tweet.tweet_id: tweet for tweet in tweets}
    return tweet_pb2.Includes(users=users_by_id.values(), tweets=tweets_by_id.values())


def those_that_fit(users: Iterable[User], *, beside: Iterable[tweet_pb2.Tweet]) -> list[User]:
    """As many of the accounts, from the first on, as leave an answer with these tweets below its largest size."""
    left = MOST_BYTES - sum(tweet.ByteSize() + ENTRY_BYTES for tweet in beside)
    fitting = []
    for user in users:
        left -= user.ByteSize() + ENTRY_BYTES
        if left < 0:
            break
        fitting.append(user)
    return fitting


def mentioned_usernames(tweets: Iterable[tweet_pb2.Tweet]) -> list[str]:
    """The names mentioned, lower-cased, each once and in the order of the tweets."""
    names = (mention.username.lower() for tweet in tweets for mention in tweet.entities.mentions)
    return list(dict.fromkeys(names))


def referenced_ids(tweets: Iterable[tweet_pb2.Tweet]) -> list[int]:
    """The tweets replied to, each once."""
    return list(dict.fromkeys(tweet.in_reply_to_tweet_id for tweet in tweets if tweet.in_reply_to_tweet_id))
