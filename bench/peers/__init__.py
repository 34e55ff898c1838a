"""Programs of others beside ours.

In charge of: installing them into a virtual environment of their own, which is thrown away, and running them there,
because their libraries must not share a process with ours.
Comes in: names of distributions, for pip's own index. Goes out: an interpreter that has them, or ``NotInstalled``.
Files whose names begin with ``their_`` run there: they import nothing of ours.
"""
