"""Changes that take two people."""
