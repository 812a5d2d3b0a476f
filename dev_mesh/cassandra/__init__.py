"""A real Cassandra on this machine, of one or three nodes, out of its Maven artefacts: no Docker, no root."""
