"""The whole mesh on one machine: real NATS and Redis, every service its own process, and the edge."""
