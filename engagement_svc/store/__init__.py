"""What engagement_svc remembers."""

from engagement_svc.store.interface import EngagementStore

__all__ = ["EngagementStore"]
