"""Envelope: the edXML message, as the standard and its real senders have it.

In charge of: identifiers, the model, reading with a hardened parser, writing, the legal moves of a delivery.
Comes in: octets. Goes out: ``ParsedEnvelope`` and ``ParsedStatus``; octets, when writing.
Knows nothing of storage, certificates or HTTP. Stored octets are never serialised again.
Implements: QCVN 102:2016 as rebuilt from real messages (``schemas/STANDARDS.md``), XML 1.0, Namespaces in XML 1.0.
"""
