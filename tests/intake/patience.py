"""How properties are run on a machine that others use too: without a limit on the time of one example.

Inherits what is in force, so that a CI run stays reproducible.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
