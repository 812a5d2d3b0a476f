"""timeline_svc owns home timelines: views of tweets and follows that can be rebuilt at any time."""
