"""The channel amqp: a system consumes its own queue with its own RabbitMQ user, and settles by messages.

In charge of: the carrier that puts claim checks and receipts into the system's queue, the listener that takes what
systems say to the exchange ``receipts``, their RabbitMQ users and what those may do.
Comes in: parcels and receipts from the carriage, messages of systems, registrations. Goes out: messages as
``schemas/asyncapi.yaml`` describes them, settlements and statuses for the rooms that commit them, users in RabbitMQ.
"""
