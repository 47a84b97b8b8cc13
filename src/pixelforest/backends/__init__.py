"""Ways to compute: one small protocol, two implementations, and the choice between them."""
