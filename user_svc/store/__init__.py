"""Where accounts and sessions are kept: the promises in `interface`, a backend in each other module."""

from user_svc.store.interface import SIGN_UPS_END_AFTER, SessionStore, UserStore

__all__ = ["SIGN_UPS_END_AFTER", "SessionStore", "UserStore"]
