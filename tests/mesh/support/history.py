"""What a client did and was told, and what everybody must therefore see. Knows nothing but that."""

from __future__ import annotations

from tests.mesh.support.api import Person

# A home timeline promises the newest of a viewer's tweets, so many at least.
PROMISED = 800


class History:
    """Acknowledged posts, deletes and follows."""

    def __init__(self) -> None:
        self._author_by_tweet: dict[int, int] = {}
        self._text_by_tweet: dict[int, str] = {}
        self._follows: set[tuple[int, int]] = set()

    def posted(self, author: Person, tweet_id: int, text: str) -> None:
        """An acknowledged post. Fails when the id was given out before."""
        assert tweet_id not in self._author_by_tweet, f"two posts were answered with the id {tweet_id}"
        self._author_by_tweet[tweet_id] = author.user_id
        self._text_by_tweet[tweet_id] = text

    def deleted(self, tweet_id: int) -> None:
        """An acknowledged delete."""
        del self._author_by_tweet[tweet_id], self._text_by_tweet[tweet_id]

    def followed(self, follower: Person, followee: Person) -> None:
        """An acknowledged follow."""
        self._follows.add((follower.user_id, followee.user_id))

    def unfollowed(self, follower: Person, followee: Person) -> None:
        """An acknowledged unfollow."""
        self._follows.discard((follower.user_id, followee.user_id))

    def texts(self) -> dict[int, str]:
        """The text of every tweet there must be, by id."""
        return dict(self._text_by_tweet)

    def tweets_of(self, author: Person) -> list[int]:
        """An author's tweets, newest first."""
        return sorted((tweet for tweet, by in self._author_by_tweet.items() if by == author.user_id), reverse=True)

    def followers_of(self, person: Person) -> int:
        """How many follow a person."""
        return sum(followee == person.user_id for _, followee in self._follows)

    def home_of(self, viewer: Person) -> list[int]:
        """The viewer's home timeline: own tweets and those of everybody followed, newest first."""
        authors = {followee for follower, followee in self._follows if follower == viewer.user_id} | {viewer.user_id}
        tweets = (tweet for tweet, author in self._author_by_tweet.items() if author in authors)
        return sorted(tweets, reverse=True)[:PROMISED]
