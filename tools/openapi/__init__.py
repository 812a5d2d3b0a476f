"""Writes the OpenAPI 3.1 document of any contract with google.api.http bindings, from its descriptor set alone."""
