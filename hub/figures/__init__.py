"""Figures: what each agency sent, received, accepted and finished in a month, in time or late.

In charge of: what counts as what, counting the log as it grows, counting it anew, percentiles from histograms.
Comes in: entries of the exchange log in the order of commits. Goes out: sums per agency and branch (``hub.ledger``).
Everything here can be thrown away and counted again from the log; nothing of it is on a document's way.
A fact counts in the month in which it happened (Vietnam's): the figures of a month that has ended stay as they were.
"""
