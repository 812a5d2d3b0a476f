"""Owns accounts: profiles, passwords, sessions and the tokens made from them."""
