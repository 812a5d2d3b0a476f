"""What an account's page asks of others, and nobody else asks: its counts, and how the viewer stands to it."""
