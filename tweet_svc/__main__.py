"""python -m tweet_svc: one process of the service that owns tweets."""

from mesh.process import run
from tweet_svc.app import open_service
from tweet_svc.config import TweetConfig

if __name__ == "__main__":
    run(open_service, TweetConfig)
