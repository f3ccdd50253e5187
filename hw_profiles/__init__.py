"""What a run did (ledger), what that costs (profiles), and how it is kept (records). See README.md."""

from typing import TYPE_CHECKING, Any

from hw_profiles.arithmetic import settle
from hw_profiles.errors import InputError, Interrupted, TargetUnavailableError
from hw_profiles.kernel_cache import tolerate_no_cache

if TYPE_CHECKING:
    from hw_profiles.ledger import Event, Key, Ledger

__all__ = ["Event", "InputError", "Interrupted", "Key", "Ledger", "TargetUnavailableError"]

settle()  # before any numerical library starts
tolerate_no_cache()


def __getattr__(name: str) -> Any:
    if name in ("Event", "Key", "Ledger"):
        from hw_profiles import ledger  # late: its enumerations take longer than a version takes to tell

        return getattr(ledger, name)
    raise AttributeError(f"module 'hw_profiles' has no attribute {name!r}")
