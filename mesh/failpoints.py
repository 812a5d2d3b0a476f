"""Places where a test lets a process die, stop, fail or dawdle: between two steps that must hold together.

`FAILPOINT=name:kill|pause|raise|delay:ms[@n]`, several separated by commas; `@n` means the n-th time only. For tests.

    kill      SIGKILL of the process itself
    pause     SIGSTOP of the process itself, until somebody sends SIGCONT
    raise     FailpointReached, as a defect in that step would
    delay:ms  the thread stands still for so long; on the event loop that is the whole process
"""

from __future__ import annotations

import logging
import os
import re
import signal
from collections import Counter, defaultdict
from dataclasses import dataclass
from threading import Event

_log = logging.getLogger(__name__)

_NAMES = """
    ids.before_acquire ids.acquired ids.renewed
    sqlite.before_commit sqlite.committed
    journal.row_written journal.written journal.redone

    post.id_taken post.claimed post.replayed post.committed
    delete.row_read delete.committed
    body.row_read body.put body.before_tombstone body.buried body.fetched body.filled

    outbox.row_read outbox.own_effect_made outbox.before_publish outbox.published outbox.confirmation_came
    outbox.before_delete outbox.rows_deleted outbox.row_buried
    consumer.event_came consumer.effect_made consumer.confirmed consumer.acked consumer.job_done consumer.given_up
    confirm.gathered

    fanout.followers_read fanout.pushed fanout.recorded fanout.before_link fanout.link_published fanout.last_link_done
    backfill.edge_read backfill.ids_read backfill.effect_made backfill.page_taken_out backfill.page_caught_up

    rebuild.before_mark rebuild.marked rebuild.followees_read rebuild.merged rebuild.kept
    author_list.marked author_list.read author_list.kept
    page.ids_read page.bodies_read page.standing_known page.before_clean_up

    follow.user_known follow.edge_claimed follow.edge_saved follow.count_moved follow.committed unfollow.committed
    class.follow_completed class.noted class.stage_begun class.in_outbox class.moved
    flip.page_indexed flip.page_cleaned flip.before_stage flip.stage_changed

    like.tweet_known like.marked like.edge_written like.count_moved like.shown like.mark_removed like.repaired
    like.committed unlike.committed
    counts.tweet_added counts.tweet_removed

    sign_up.claimed sign_up.hashed sign_up.name_taken sign_up.announced sign_up.account_made sign_up.committed
    profile.row_read profile.committed card.put
"""
# Each stands in the code once, and tests reach it: tests/architecture/test_failpoints.py sees to both.
FAILPOINTS = frozenset(_NAMES.split())

_RULE = re.compile(r"([a-z_.]+):(kill|pause|raise|delay:(\d{1,6}))(?:@([1-9]\d{0,5}))?", re.ASCII)
_EXAMPLES = "such as post.committed:kill@1 or rebuild.marked:pause,outbox.published:delay:200"


class FailpointReached(RuntimeError):
    """What `raise` raises. Nobody catches it by name: it stands for any defect."""


@dataclass(frozen=True, slots=True)
class _Rule:
    action: str
    delay_ms: int
    # 0 is every time.
    only_time: int


# State of the process, as the environment is that it comes from: whoever passes a point knows nobody who could hold it.
_armed: dict[str, list[_Rule]] = {}
_times: Counter[str] = Counter()


def fp(name: str) -> None:
    """A place where a test may strike. Does nothing unless the process was started with that name in FAILPOINT."""
    if name in _armed:
        _strike(name)


def checked_failpoints(text: str) -> str:
    """The value of FAILPOINT as it is. Raises ValueError for what names no failpoint or no action."""
    _rules(text)
    return text


def arm(text: str) -> None:
    """Strike where a value of FAILPOINT says, and nowhere else; "" is nowhere. Raises ValueError."""
    rules = _rules(text)
    _armed.clear()
    _times.clear()
    _armed.update(rules)
    if rules:
        _log.warning("failpoints are armed: this process is under test", extra={"fields": {"failpoints": text}})


def _rules(text: str) -> dict[str, list[_Rule]]:
    rules: dict[str, list[_Rule]] = defaultdict(list)
    for part in text.split(",") if text else []:
        found = _RULE.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is not name:kill|pause|raise|delay:ms[@n]; {_EXAMPLES}")
        name, action, delay_ms, only_time = found.groups()
        if name not in FAILPOINTS:
            raise ValueError(f"there is no failpoint {name!r}; {_EXAMPLES}")
        rules[name].append(_Rule(action.partition(":")[0], int(delay_ms or 0), int(only_time or 0)))
    return rules


def _strike(name: str) -> None:
    _times[name] += 1
    for rule in _armed[name]:
        if rule.only_time in {0, _times[name]}:
            # Told before, for after a kill there is nobody to tell it.
            fields = {"failpoint": name, "action": rule.action, "times": _times[name]}
            _log.warning("a failpoint is reached", extra={"fields": fields})
            _act(name, rule)


def _act(name: str, rule: _Rule) -> None:
    match rule.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "pause":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "delay":
            Event().wait(rule.delay_ms / 1_000)
        case _:
            raise FailpointReached(name)
