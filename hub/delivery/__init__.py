"""Delivery: from a system's queue into the system's hands.

In charge of: the courier (queue → channel), the channel port with the pull inbox behind it, leases and their end.
Comes in: claim checks, requests of recipients' systems. Goes out: deliveries under lease, closed deliveries, receipts.
The original octets are handed over untouched; a delivery is shown again until it is settled, and never after.
"""
