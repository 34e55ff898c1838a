"""The hub's private keys: where they lie, and signing with them.

In charge of: key files, hardware modules (PKCS#11), which key signs now (the ring), secrets derived for one purpose.
Comes in: a place: a path, or a URI ``pkcs11:…`` (RFC 7512). Goes out: something that signs (``port.PrivateKey``).
A key in hardware never leaves it; a file's octets are read at start and by nobody else.
Implements: RFC 7512 (the attributes that find a private key), PKCS#11 3.0 §2.3 (ECDSA, EdDSA), RFC 5869.
"""
