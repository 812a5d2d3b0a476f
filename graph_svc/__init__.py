"""Owns who follows whom, and how the tweets of every author reach timelines."""
