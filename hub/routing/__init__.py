"""Routing: from the ledger's outbox to the queues of the recipients' systems.

In charge of: the relay (outbox → broker, confirms before anything is removed) and the sweep (what the broker lost is
published again).
Comes in: outbox rows. Goes out: claim checks on one queue per recipient system, and the mark "published".
The queue of a delivery is that of the system which served the recipient at acceptance (resolved by intake).
"""
