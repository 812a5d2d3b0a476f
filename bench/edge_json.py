"""`python -m bench.edge_json`: what the JSON of a page of 20 tweets costs the edge, beside google.protobuf.json_format.

Microseconds of CPU per page, the best of several rounds taken in turns; the ratio carries over to other machines.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from google.protobuf import json_format

from edge_proxy.descriptor_set import Contracts, Rpc, read_descriptor_set
from edge_proxy.json_messages import MessageReaders
from edge_proxy.json_text import parse_json
from edge_proxy.response_encoder import ResponseEncoder

DESCRIPTORS = Path(__file__).resolve().parent.parent / "generated" / "descriptors.binpb"
ROUNDS = 15
PAGES_A_ROUND = 200
POST = {"content": "Just setting up my #aviary with @ada, see https://example.org/first", "requestId": "a-key-1"}


def main() -> None:
    """Measure and print."""
    contracts = read_descriptor_set(DESCRIPTORS)
    page, form = a_page(contracts), ResponseEncoder(contracts.pool).of(_rpc(contracts, "ListHomeTimeline").output)
    options: dict[str, Any] = {"always_print_fields_with_no_presence": True, "descriptor_pool": contracts.pool}
    if json.loads(orjson.dumps(form(page))) != json_format.MessageToDict(page, **options):
        raise SystemExit("the encoder and json_format disagree")
    create, body = _rpc(contracts, "CreateTweet"), json.dumps(POST).encode()
    read = MessageReaders(contracts.pool, ignores_unknown=False).of(create.input)
    serialized, response = page.SerializeToString(), type(page)

    measured = best_of_rounds(
        {
            "encode page: json_format.MessageToJson": lambda: json_format.MessageToJson(page, **options),
            "encode page: json_format.MessageToDict + orjson": lambda: orjson.dumps(
                json_format.MessageToDict(page, **options)
            ),
            "encode page: compiled + orjson": lambda: orjson.dumps(form(page)),
            "bytes of gRPC to bytes of JSON, page": lambda: orjson.dumps(form(response.FromString(serialized))),
            "decode post: json_format.Parse": lambda: json_format.Parse(body, create.request()),
            "decode post: compiled, with every guard": lambda: read(create.request(), parse_json(body), 0),
        }
    )
    print(f"20 tweets, {len(serialized)} bytes of protobuf, {len(orjson.dumps(form(page)))} bytes of JSON")
    for kind in ("encode", "decode", "bytes"):
        rows = {name: us for name, us in measured.items() if name.startswith(kind)}
        slowest = max(measured[name] for name in measured if name.startswith("encode" if kind == "bytes" else kind))
        for name, us in rows.items():
            print(f"  {name:<50} {us:8.1f} us   {slowest / us:5.1f} x")


def best_of_rounds(operations: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Microseconds of CPU of each, the least of all rounds."""
    best = dict.fromkeys(operations, float("inf"))
    for _ in range(ROUNDS):
        for name, operation in operations.items():
            started = time.process_time()
            for _ in range(PAGES_A_ROUND):
                operation()
            best[name] = min(best[name], (time.process_time() - started) / PAGES_A_ROUND * 1e6)
    return best


def a_page(contracts: Contracts) -> Any:  # noqa: ANN401 - a message made at run time
    """A home page as timeline_svc answers it: 20 tweets of 12 authors, with counts and viewer state."""
    page: Any = _rpc(contracts, "ListHomeTimeline").response()
    first = 1_900_000_000_000_000_000
    for number in range(20):
        item = page.items.add(reason=1, sort_id=first + number)
        tweet = item.tweet
        tweet.tweet_id, tweet.user_id = first + number, first - number % 12
        tweet.content = f"Tweet {number}: a sentence of the usual length, about nothing in particular, with #tags 🐦"
        tweet.create_time.FromMilliseconds(1_760_000_000_123 + number * 1000)
        tweet.conversation_id = tweet.tweet_id
        tweet.entities.hashtags.add(start=80, end=85, tag="tags")
        tweet.counts.likes_count, tweet.counts.replies_count = number, 2
        tweet.viewer.liked = number % 3 == 0
    for number in range(12):
        user = page.includes.users.add(user_id=first - number, username=f"user_{number}", display_name=f"User {number}")
        user.bio = "Somebody who writes here now and then."
        user.counts.followers_count = 100 * number
        user.create_time.FromMilliseconds(1_700_000_000_000 + number)
    page.next_page_token = "t" * 80
    return page


def _rpc(contracts: Contracts, name: str) -> Rpc:
    return next(rpc for rpcs in contracts.services.values() for rpc in rpcs if rpc.name == name)


if __name__ == "__main__":
    main()
