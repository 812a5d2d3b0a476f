"""Where timelines are kept."""

from timeline_svc.store.interface import TimelineStore

__all__ = ["TimelineStore"]
