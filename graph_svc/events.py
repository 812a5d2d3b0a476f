"""What this service announces. Who must confirm an event stands in the contract, at the event's payload."""

from __future__ import annotations

from aviary.events.v1 import events_pb2
from graph_svc.author_class import Stage
from graph_svc.convert import to_class_message
from graph_svc.model import AuthorClass, FollowEdge
from mesh.events.announce import new_event
from mesh.events.interface import OutboxEvent


def follow_changed(edge: FollowEdge, *, event_id: int) -> OutboxEvent:
    """A follow began or ended: the edge as it is now."""
    payload = events_pb2.FollowChanged(
        follower_user_id=edge.follower_id,
        followee_user_id=edge.followee_id,
        following=edge.is_live,
        op_time_us=edge.op_time_us,
        edge_id=edge.edge_id,
    )
    return new_event("follow_changed", payload, event_id=event_id, at_us=edge.op_time_us, key=edge.follower_id)


def pushing_begins(author_id: int, *, event_id: int, at_us: int) -> OutboxEvent:
    """The author goes back to PUSH: timeline_svc pushes the newest ids, and its confirmation ends BOTH."""
    payload = events_pb2.AuthorClassChanged(
        user_id=author_id,
        author_class=to_class_message(Stage.PUSHING.author_class),
        next_author_class=to_class_message(AuthorClass.PUSH),
    )
    return new_event("author_class_changed", payload, event_id=event_id, at_us=at_us, key=author_id)
