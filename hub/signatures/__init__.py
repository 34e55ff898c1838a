"""Signatures: who signed what, and what the hub signs itself.

In charge of: the signature profile ``strict`` (shape, algorithms, digest, signature), the certificate path, revocation
(its own room below), signing edXML, the hub's own key and its JWS receipts.
Comes in: octets, trust anchors, a moment. Goes out: ``SignedContent`` (what the signature covers), compact JWS.
Raises ``Refused`` with a ``signature-*`` or ``certificate-*`` code; never answers "valid" when it cannot tell.
Implements: XML Signature 1.1, Exclusive C14N 1.0, RFC 9231, RFC 5280 §6, RFC 6960, RFC 7515, 7517, 7638, 8037.
"""
