"""Owns likes, and every count of a tweet."""
