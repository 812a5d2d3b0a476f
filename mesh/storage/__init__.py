"""Engines behind the stores: SQLite and Redis."""
