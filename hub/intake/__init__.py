"""Intake: the door through which every envelope enters, whatever edge it came by.

In charge of: running the verdict, making the octets durable, issuing the acknowledgement or refusal, and handing the
ledger one transaction. Nothing is published from here.
Comes in: a body already streamed and hashed, and who brought it. Goes out: ``Admitted`` or ``Rejected``.
The gateway and other facades share this room, so that none of them can accept by other rules.
"""

from hub.intake.acceptance import Admitted, IncomingPart, Intake, Rejected

__all__ = ["Admitted", "IncomingPart", "Intake", "Rejected"]
