"""Retention: how long octets are kept, what must not go, and how the rest goes.

In charge of: the policy by class of document, legal holds, purges that two people decide, and carrying them out.
Comes in: a TOML file, people's decisions. Goes out: files that are gone, entries in the exchange log.
Envelopes, receipts and log entries are never touched: only octets go, and their digests stay.
"""
