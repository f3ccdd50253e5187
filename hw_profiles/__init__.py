"""What a run did (ledger), what that costs (profiles), and how it is kept (records). See README.md."""

from hw_profiles.arithmetic import settle
from hw_profiles.errors import InputError, Interrupted, TargetUnavailableError
from hw_profiles.kernel_cache import tolerate_no_cache
from hw_profiles.ledger import Event, Key, Ledger

__all__ = ["Event", "InputError", "Interrupted", "Key", "Ledger", "TargetUnavailableError"]

settle()  # before any numerical library starts
tolerate_no_cache()
