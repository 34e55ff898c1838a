"""Problems: every reason for which the hub does not do what was asked.

In charge of: the catalogue of codes, and the three kinds of error that may cross rooms.
Comes in: a code, its details and a location. Goes out: ``Finding`` values and ``HubError``s.
The same code appears in the HTTP body, the signed refusal, the exchange log, the metric and on the screen.
Implements: RFC 9457 (the document itself is written by the gateway).
"""

from hub.problems.catalogue import CATALOGUE, Problem, explain
from hub.problems.errors import Deferred, Finding, HubError, Misconfigured, Refused

__all__ = ["CATALOGUE", "Deferred", "Finding", "HubError", "Misconfigured", "Problem", "Refused", "explain"]
