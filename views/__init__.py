"""The one read model: ids of tweets in, tweets as this viewer may see them out. It knows no service's code."""
