"""What graph_svc remembers."""

from graph_svc.store.interface import GraphStore

__all__ = ["GraphStore"]
