"""Requests to the probe contract with their right answers, derived from the rules; test_rows.py sends them."""
