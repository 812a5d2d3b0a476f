"""One file for each RPC, named like it."""
