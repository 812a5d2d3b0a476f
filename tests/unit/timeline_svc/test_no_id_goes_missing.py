"""No id is missing above a floor, however events, builds, kills and losses fall; and each rule is needed for that."""

from __future__ import annotations

import pytest

from mesh.events.consume import NotYet
from tests.conformance.timeline_store.broken import (
    BackfillLeavesTheFloor,
    PushCreates,
    PushRefusedWhileBuilding,
    TrimLeavesTheFloor,
)
from tests.unit.timeline_svc.simulation import Parts, Simulation
from timeline_svc.fanout.backfill import Backfill
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.model import AuthorClass, Stretch

MOST_SEEDS = 40


class SourcesBeforeTheMark(Rebuilder):
    async def _build(self, owner_id: int) -> Stretch | None:
        merged = await self.merge(owner_id)
        generation = await self.store.begin_build(owner_id)
        if generation is not None:
            await self._keep(owner_id, generation, merged)
        return merged


class NotCutWhereAnAuthorEnds(Rebuilder):
    async def merge(self, owner_id: int) -> Stretch:
        followees = await self.graph.followees(owner_id)
        authors = [followee.user_id for followee in followees if followee.author_class is not AuthorClass.PULL]
        found = await self.tweets.newest_ids([owner_id, *authors], limit=2)
        ids = sorted((tweet_id for ids in found.values() for tweet_id in ids), reverse=True)
        return Stretch(ids, ids[-1] if ids else 0)


class EventDroppedWhileBuilding(Backfill):
    async def match(self, follower_id: int, followee_id: int) -> None:
        try:
            await super().match(follower_id, followee_id)
        except NotYet:
            return


class EdgeReadOnce(Backfill):
    async def match(self, follower_id: int, followee_id: int) -> None:
        if await self.graph.is_following(follower_id, followee_id):
            await self._bring_in(follower_id, followee_id)
        else:
            await self._take_out(follower_id, followee_id)


@pytest.mark.parametrize("seed", range(6))
async def test_no_id_goes_missing(seed: int) -> None:
    simulation = Simulation(seed, Parts())
    await simulation.run(rounds=25)
    assert simulation.missing == []
    assert simulation.audited == []
    assert simulation.checked > 200


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(Parts(store=TrimLeavesTheFloor), id="a trim moves the floor"),
        pytest.param(Parts(store=PushCreates), id="a push creates nothing"),
        pytest.param(Parts(store=PushRefusedWhileBuilding), id="a push is taken while building"),
        pytest.param(Parts(store=BackfillLeavesTheFloor), id="a backfill that is cut raises the floor"),
        pytest.param(Parts(rebuilder=SourcesBeforeTheMark), id="the mark comes before the sources"),
        pytest.param(Parts(rebuilder=NotCutWhereAnAuthorEnds), id="a build is cut where an author ends"),
        pytest.param(Parts(backfill=EventDroppedWhileBuilding), id="a follow that meets a build comes again"),
        pytest.param(Parts(backfill=EdgeReadOnce), id="the edge is read again after the effect"),
    ],
)
async def test_without_one_of_the_rules_ids_go_missing(parts: Parts) -> None:
    for seed in range(MOST_SEEDS):
        simulation = Simulation(seed, parts)
        await simulation.run(rounds=25)
        if simulation.missing and simulation.audited:
            return
    pytest.fail("nothing went missing, or the auditor does not see it")
