"""Adapters: how the outside world meets the hub, and how an agency meets it from the other side.

In charge of: the agency's client (SDK), the sandbox (throw-away PKI, simulated agencies), later the other channels.
Comes in: calls of agency software, replies of the hub. Goes out: HTTP requests, signed messages, profiles.
Nothing in ``hub`` except the wiring and the command line may import from here.
"""
