"""Inspection: looking into attachments.

In charge of: what an attachment is, whether it is whole, whether a scanner finds malware in it, and how its page one
looks; each instrument with its own limits, so that a hostile file costs little and harms nothing.
Comes in: octets to read from the start. Goes out: facts and names of what was found; ``Deferred`` when that cannot be
told now. What follows from them is for the checks of ``hub.validation`` to say.
"""
