"""Revocation: is a certificate of a trusted path still good, by its issuer's own word, and how old is that word?

In charge of: reading lists (RFC 5280 §6.3) and OCSP answers (RFC 6960), getting them where certificates say, keeping
them fresh before they are needed, settling what could not be told at once.
Comes in: a path that held, the configured lists, a moment. Goes out: one ``Standing`` per certificate but the anchor.
Answers are kept as octets with where and when they came from, so that a verdict can be repeated years later.
"""
