"""Decides whom a link of a fan-out reaches and whether another follows. Pure: no I/O, no messages.

A fan-out is a chain: each link takes one page of followers and names where the next begins. The author is always
among the recipients, and followers of a pulled author are left out: they ask for themselves when they read.
"""

from __future__ import annotations

from dataclasses import dataclass

from timeline_svc.model import Audience, AuthorClass, FollowerPage, LinkOutcome


@dataclass(frozen=True, slots=True)
class Link:
    """Whose timelines take the tweet now, and after which edge the next link goes on; 0 when this is the last."""

    recipients: tuple[int, ...]
    next_after_edge_id: int

    @property
    def is_last(self) -> bool:
        """Nobody is left: the event is confirmed after this link."""
        return self.next_after_edge_id == 0

    def came_to(self, held: int, *, at_us: int, audience: Audience | None = None) -> LinkOutcome:
        """What is kept of it once `held` timelines hold the tweet; the first link knows the audience too."""
        skipped = len(self.recipients) - held
        if audience is None:
            return LinkOutcome(self.next_after_edge_id, held, skipped, at_us)
        is_pulled = audience.author_class is AuthorClass.PULL
        recipients = 1 if is_pulled else 1 + audience.followers_count
        return LinkOutcome(self.next_after_edge_id, held, skipped, at_us, recipients, audience.author_class)


def first_link(author_id: int, author_class: AuthorClass, followers: FollowerPage) -> Link:
    """The link that the event itself makes."""
    if author_class is AuthorClass.PULL:
        return Link((author_id,), 0)
    return Link((author_id, *followers.user_ids), followers.next_after_edge_id)


def next_link(followers: FollowerPage) -> Link:
    """A later link. It does not ask for the class: a chain that began under BOTH is finished whatever comes after."""
    return Link(followers.user_ids, followers.next_after_edge_id)
