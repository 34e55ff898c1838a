"""Proposals: changes that take two people.

In charge of: asking, confirming and declining risky changes of the registry, of rights and of what is suspended.
Comes in: a kind of change with its arguments, a reason, and two people's logins. Goes out: the change, carried out in
the transaction of the decision, and entries in the exchange log for both steps.
What cannot wait (a suspension) is carried out at once and looked at by a second person afterwards.
"""

from hub.proposals.certificates import CERTIFICATES
from hub.proposals.deciding import Proposals, View
from hub.proposals.kinds import KINDS, Effect, Kind
from hub.proposals.people import PEOPLE_KINDS
from hub.proposals.routes import ROUTES
from hub.proposals.rules import RULES
from hub.proposals.suspension import SUSPENSION

KINDS.update({kind.name: kind for kind in (*CERTIFICATES, *PEOPLE_KINDS, *ROUTES, *RULES, *SUSPENSION)})

__all__ = ["KINDS", "Effect", "Kind", "Proposals", "View"]
