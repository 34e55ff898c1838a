"""Bench: how fast the hub is on this machine, over HTTP, on both engines.

In charge of: the load (signed letters, senders and recipients' systems as one asyncio driver), the clocks (envelopes a
second, processor time per process from ``/proc``) and the table. Starts its own services and hubs; leaves nothing.
Comes in: the cases to run. Goes out: a table, and the same figures as JSON.
"""
