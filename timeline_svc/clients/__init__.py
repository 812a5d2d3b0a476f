"""What only timeline_svc asks of other services: followers for fan-out, followees and tweet ids for building."""
