"""Which process of a mesh bar F03 strikes at which failpoint, on which store. What stands in several is struck in one.

The order matters where one point leaves behind what the next one needs. With `@n` it is struck at the n-th time: a
process begins with commits of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

_EVERYWHERE = {
    "user_svc": """
        ids.before_acquire ids.acquired ids.renewed
        sign_up.claimed sign_up.hashed sign_up.committed profile.row_read profile.committed card.put
    """,
    "tweet_svc": """
        post.id_taken post.claimed post.replayed post.committed delete.row_read delete.committed
        body.row_read body.put body.before_tombstone body.buried
        outbox.row_read outbox.own_effect_made outbox.before_publish outbox.published outbox.confirmation_came
        outbox.before_delete outbox.rows_deleted
    """,
    "graph_svc": """
        follow.user_known follow.committed unfollow.committed class.follow_completed class.moved
        flip.page_indexed flip.page_cleaned flip.before_stage flip.stage_changed
    """,
    "engagement_svc": """
        like.tweet_known like.committed unlike.committed counts.tweet_added counts.tweet_removed
        consumer.event_came consumer.effect_made consumer.confirmed consumer.acked
    """,
    "timeline_svc": """
        page.ids_read page.bodies_read page.standing_known page.before_clean_up
        rebuild.before_mark rebuild.marked rebuild.followees_read rebuild.merged rebuild.kept
        author_list.marked author_list.read author_list.kept body.fetched body.filled
    """,
    "timeline_svc-work": """
        fanout.followers_read fanout.pushed fanout.recorded fanout.before_link fanout.link_published
        fanout.last_link_done
        backfill.edge_read backfill.ids_read backfill.effect_made backfill.page_taken_out backfill.page_caught_up
        consumer.job_done confirm.gathered
    """,
}
_ONLY_ON = {
    "sqlite": {"tweet_svc": "sqlite.before_commit@5 sqlite.committed@5"},
    "cassandra": {
        "user_svc": "sign_up.name_taken sign_up.announced sign_up.account_made",
        "tweet_svc": "journal.row_written journal.redone journal.written",
        "graph_svc": """
            follow.edge_claimed follow.edge_saved follow.count_moved class.noted class.stage_begun class.in_outbox
        """,
        "engagement_svc": """
            like.marked like.edge_written like.count_moved like.shown like.mark_removed like.repaired
        """,
    },
}


# They are come to only where somebody died a moment before: no sample of the plan has them.
AFTER_A_DEATH = frozenset({"journal.redone", "like.repaired"})


def plan(store: str) -> Mapping[str, list[str]]:
    """The failpoints of each process, for a mesh on that store."""
    own = _ONLY_ON[store]
    return {name: [*own.get(name, "").split(), *points.split()] for name, points in _EVERYWHERE.items()}


def name_and_time(entry: str) -> tuple[str, int]:
    """The failpoint that an entry of the plan names, and at which time it is struck first."""
    name, _, time = entry.partition("@")
    return name, int(time or 1)


def planned() -> frozenset[str]:
    """All that are struck on one store or the other."""
    plans = [plan(store) for store in _ONLY_ON]
    return frozenset(name_and_time(entry)[0] for each in plans for entries in each.values() for entry in entries)
