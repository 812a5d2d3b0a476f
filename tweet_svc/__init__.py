"""Owns tweets: their text, who wrote them, what they answer, and that they are gone."""
