"""Reads a home timeline: its ids from wherever they are, then the tweets behind them."""
