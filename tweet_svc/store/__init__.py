"""Where tweets are kept: the promises in `interface`, a backend in each other module."""

from tweet_svc.store.interface import TweetStore

__all__ = ["TweetStore"]
