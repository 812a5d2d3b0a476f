"""ExplainTimeline: an operator asks why a tweet is, or is not, in a home timeline."""

from __future__ import annotations

from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as pb
from timeline_svc.home.explain import Explainer
from timeline_svc.home.facts import Fact, FactKind

_KINDS = {
    FactKind.TWEET: pb.TIMELINE_FACT_KIND_TWEET,
    FactKind.FOLLOW: pb.TIMELINE_FACT_KIND_FOLLOW,
    FactKind.AUTHOR_CLASS: pb.TIMELINE_FACT_KIND_AUTHOR_CLASS,
    FactKind.EVENT: pb.TIMELINE_FACT_KIND_EVENT,
    FactKind.TIMELINE: pb.TIMELINE_FACT_KIND_TIMELINE,
    FactKind.FLOOR: pb.TIMELINE_FACT_KIND_FLOOR,
    FactKind.ENTRY: pb.TIMELINE_FACT_KIND_ENTRY,
}


async def explain_timeline(request: pb.ExplainTimelineRequest, *, explainer: Explainer) -> pb.ExplainTimelineResponse:
    """What the pages read now would show, and why."""
    facts = await explainer.explain(request.user_id, request.tweet_id)
    return pb.ExplainTimelineResponse(
        shown=not any(fact.excludes for fact in facts), facts=[_to_message(fact) for fact in facts]
    )


def _to_message(fact: Fact) -> pb.TimelineFact:
    message = pb.TimelineFact(kind=_KINDS[fact.kind], excludes=fact.excludes, text=fact.text)
    if fact.at_us:
        message.time.FromMicroseconds(fact.at_us)
    return message
