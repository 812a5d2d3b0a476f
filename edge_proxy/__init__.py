"""HTTP and JSON in, gRPC out: serves any contract with google.api.http bindings, from its descriptors alone."""
