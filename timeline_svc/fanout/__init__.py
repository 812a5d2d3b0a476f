"""Brings what happened to the timelines that exist: new tweets, new and ended follows, authors that changed class."""
