"""Unary calls between the processes of the mesh, carried over few streams: docs/decisions/0021."""
