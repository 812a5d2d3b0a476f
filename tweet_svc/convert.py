"""Tweets as messages: what is stored, with the entities found in the text, and without what others own."""

from __future__ import annotations

from collections.abc import Sequence

from aviary.type.v1 import tweet_pb2
from mesh.ids import id_time_us
from tweet_svc.entities import find_entities
from tweet_svc.model import Tweet
from tweet_svc.store.interface import TweetStore
from views.clients.tweets import StoredTweets
from views.model import Bodies


def to_message(tweet: Tweet) -> tweet_pb2.Tweet:
    """A live tweet without counts and viewer state. Entities are a function of the text, so they are not stored."""
    message = tweet_pb2.Tweet(
        tweet_id=tweet.tweet_id,
        user_id=tweet.user_id,
        content=tweet.content,
        in_reply_to_tweet_id=tweet.in_reply_to_tweet_id,
        conversation_id=tweet.conversation_id,
    )
    message.create_time.FromMicroseconds(id_time_us(tweet.tweet_id))
    found = find_entities(tweet.content)
    for tag in found.hashtags:
        message.entities.hashtags.add(start=tag.start, end=tag.end, tag=tag.value)
    for mention in found.mentions:
        message.entities.mentions.add(start=mention.start, end=mention.end, username=mention.value)
    for url in found.urls:
        message.entities.urls.add(start=url.start, end=url.end, url=url.value)
    return message


class OwnTweets(StoredTweets):
    """The own store, as the read model asks for it: the owner needs no stub and no cache."""

    def __init__(self, store: TweetStore) -> None:
        self._store = store

    async def get_many(self, ids: Sequence[int]) -> Bodies:
        found = await self._store.get_many(ids)
        live = {id_: to_message(tweet) for id_, tweet in found.items() if not tweet.is_deleted}
        return Bodies(live, frozenset(found.keys() - live.keys()))
