"""Delivery: from a system's queue into the system's hands.

In charge of: the courier (queue → inbox), leases for systems that come themselves, the carriage for those that are
visited (one ``Carrier`` a channel), retries, breakers, expiry, dead letters, and telling senders' systems.
Comes in: claim checks, requests of recipients' systems. Goes out: deliveries under lease, closed deliveries, receipts.
The original octets are handed over untouched; a delivery is shown again until it is settled, and never after.
"""
