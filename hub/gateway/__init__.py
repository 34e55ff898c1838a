"""Gateway: the HTTP edge for agencies' systems. One file per resource.

In charge of: authenticating the system, bounding and streaming the body, problem details, the OpenAPI document.
Comes in: HTTP requests. Goes out: JSON, original octets, RFC 9457 problems in Vietnamese or English.
Decides nothing about documents: intake, delivery and receipts do. One request is one unit of work.
Implements: RFC 9110, RFC 9457, RFC 6749 §4.4, RFC 6750, RFC 7517, W3C Trace Context, OpenAPI 3.1.
"""

from hub.gateway.app import Application, create
from hub.gateway.context import Gateway

__all__ = ["Application", "Gateway", "create"]
