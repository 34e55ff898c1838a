"""Namespaces and element names of edXML and XML-DSig, spelt once."""

from __future__ import annotations

EDXML = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
XLINK = "http://www.w3.org/1999/xlink"
LIENTHONG = "urn:lienthong:edxml:1"

PROFILE = "qcvn-102-2016"


def q(name: str) -> str:
    """``name`` in the edXML namespace, in Clark notation."""
    return f"{{{EDXML}}}{name}"


def ds(name: str) -> str:
    """``name`` in the XML-DSig namespace, in Clark notation."""
    return f"{{{DSIG}}}{name}"


ROOT = q("edXML")
ENVELOPE = q("edXMLEnvelope")
HEADER = q("edXMLHeader")
MESSAGE_HEADER = q("MessageHeader")
BODY = q("edXMLBody")
SIGNATURE = ds("Signature")
