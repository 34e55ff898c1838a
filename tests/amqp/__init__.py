"""The channel amqp: what a system's user may do, claim checks, settlements by message, the written contract."""
