"""One file for each event."""
