"""Where accounts and sessions are kept: the promises in `interface`, a backend in each other module."""

from user_svc.store.interface import SessionStore, UserStore

__all__ = ["SessionStore", "UserStore"]
