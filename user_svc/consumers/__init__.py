"""One file for each event that this service reacts to: its own, to keep the cached accounts true."""
