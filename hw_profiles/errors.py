"""The one exception that means "the input is wrong, not the program".

The command line turns it into one line and exit code 2. It lives in the lowest package so that every
package can raise it; users import it as ``equipoise.InputError``.
"""

from __future__ import annotations

__all__ = ["InputError", "TargetUnavailableError"]


class InputError(ValueError):
    """What came cannot be used. The text says what came, what was expected and the usual fix."""


class TargetUnavailableError(InputError):
    """A target was asked for by name and cannot be reached; the text names the missing piece."""
