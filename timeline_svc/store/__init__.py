"""Where timelines are kept."""

from timeline_svc.store.interface import FanoutRecords, TimelineStore

__all__ = ["FanoutRecords", "TimelineStore"]
