"""Receipts: what the hub signs, and what recipients' offices report, on its way back to the sender.

In charge of: acknowledgement, refusal, delivery receipt, business status; finding the delivery that a status means;
which of several statuses is the current one.
Comes in: verdicts, settled leases, status reports. Goes out: compact JWS, receipt rows, feeds.
A business status never drives delivery: events are kept, the current state is derived.
Implements: RFC 7515 receipts (DESIGN, Receipts), edXML 1.3 and 1.4 (status messages and codes).
"""
