"""Events: written with the state, published, consumed, confirmed."""
