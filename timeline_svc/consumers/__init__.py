"""One file for each event and job that timeline_svc reacts to."""
