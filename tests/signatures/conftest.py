"""Properties are run with patience."""

import tests.intake.patience  # noqa: F401 - loading it is what it is for
