"""What a read asks of others, batches only. The owner of a fact hands in its own store in place of the stub."""
