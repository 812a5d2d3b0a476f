"""The settings of tweet_svc."""

from __future__ import annotations

from dataclasses import dataclass

from mesh.config import MeshConfig
from mesh.env import setting


@dataclass(frozen=True)
class TweetConfig:
    """What every service has, and the one limit that operators choose."""

    mesh: MeshConfig
    # Up to 1,000, so that a page of 100 tweets in any script fits into one message of 1 MiB.
    tweet_max_length: int = setting(
        "AVIARY_TWEET_MAX_LENGTH",
        280,
        help="greatest length of a tweet, told by GET /v1/limits",
        unit="code points",
        least=1,
        most=1000,
    )
