"""What must hold once all is quiet again, asked through the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.mesh.support.actions import walk
from tests.mesh.support.api import Api, Person
from tests.mesh.support.history import History


async def missing_tweets(api: Api, history: History) -> dict[int, str]:
    """Acknowledged tweets that cannot be read back as they were written."""
    texts = history.texts()
    found = await tweets_there(api, texts)
    return {tweet: text for tweet, text in texts.items() if found.get(tweet) != text}


async def tweets_there(api: Api, ids: Iterable[int]) -> dict[int, str]:
    """The texts of those that can be read."""
    found: dict[int, str] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), 100):
        query = "&".join(f"tweet_ids={tweet}" for tweet in wanted[start : start + 100])
        page = await api.get(f"/v1/tweets:batchGet?{query}")
        found |= {int(tweet["tweetId"]): tweet["content"] for tweet in page["tweets"]}
    return found


async def texts_stored_twice(api: Api, people: Iterable[Person]) -> list[str]:
    """Texts that are stored more than once, under whatever id."""
    texts: Counter[str] = Counter()
    for person in people:
        tweets = await walk(api, f"/v1/users/{person.user_id}/tweets", "tweets", page_size=100)
        texts.update(tweet["content"] for tweet in tweets)
    return [text for text, count in texts.items() if count > 1]
