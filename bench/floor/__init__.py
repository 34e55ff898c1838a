"""Floor: the smallest honest program that does the hub's main work, as a yardstick; it is no product.

In charge of: verifying a signed envelope by hand (lxml, cryptography, a chain verdict remembered by the certificates'
octets), its octets on disk, one statement with six inserts, a receipt signed with P-256; a relay with 100 outstanding
confirms; a recipient that consumes, records, acknowledges. No revocation, authorisation, retries, inbox or audit.
Comes in: the same signed envelopes from the same driver, a PostgreSQL database, a RabbitMQ virtual host. Goes out: 201
with the receipt, deliveries recorded, and how many they are.
"""
