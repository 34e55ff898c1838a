"""Signing in at an identity provider: a real one of ours on loopback, honest and hostile."""
