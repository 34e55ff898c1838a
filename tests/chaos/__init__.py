"""Chaos: what stays true while processes are killed and services go away.

In charge of: traffic from agencies that keep their own books, the blows, and the comparison of those books with what
the hub says afterwards. ``python -m tests.chaos`` runs the long form and prints the counts; the tests are short forms.
Comes in: a seed, which is printed so that a failure can be repeated. Goes out: counts, and assertions over them.
"""
