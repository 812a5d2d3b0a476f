"""What only this service asks of others."""
