"""The exceptions with a meaning: "the input is wrong, not the program", and "somebody ended the run".

The command line turns the first into one line and exit code 2, the second into exit code 130. They live in the lowest
package so that every package can raise them; users import them from ``equipoise``.
"""

from __future__ import annotations

from typing import Any

__all__ = ["InputError", "Interrupted", "TargetUnavailableError"]


class InputError(ValueError):
    """What came cannot be used. The text says what came, what was expected and the usual fix.

    The text may repeat what a stranger wrote: it is made safe to show here, once (`hw_profiles.texts`).
    """

    def __init__(self, text: object = "", *more: object) -> None:
        from hw_profiles.texts import safe_text  # late: a program that starts raises nothing

        super().__init__(safe_text(str(text)), *more)


class TargetUnavailableError(InputError):
    """A target was asked for by name and cannot be reached; the text names the missing piece."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended a run, and what it had done is kept.

    Attributes:
        result: what the call would have returned, with status ``interrupted``.
    """

    def __init__(self, result: Any) -> None:
        super().__init__("interrupted; what was done is kept")
        self.result = result
