"""The rules of the house, as tests.

In charge of: import directions, sizes, names, the one place of each outside thing, hygiene, the problem catalogue.
Comes in: the files of the tree. Goes out: a failure naming file, line and rule.
Every rule is also tried on a small example that breaks it, so that none can pass by looking at nothing.
"""
