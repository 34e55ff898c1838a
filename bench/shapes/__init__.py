"""Shapes of load, after the State of Geneva's acceptance of its broker, scaled to the machine.

In charge of: showing what the hub does beside its best rate: hours at half of it (soak), far beyond it and back
(ramp), and with nobody taking for long (drain).
Comes in: an engine and sizes. Goes out: a table a step or a minute, a verdict, and figures as JSON; every envelope that
was acknowledged is followed to its settlement and its receipt.
"""
