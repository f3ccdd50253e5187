"""What a run did (ledger), what that costs (profiles), and how it is kept (records). See README.md."""

from hw_profiles.errors import InputError, Interrupted, TargetUnavailableError
from hw_profiles.kernel_cache import tolerate_no_cache
from hw_profiles.ledger import Event, Key, Ledger

__all__ = ["Event", "InputError", "Interrupted", "Key", "Ledger", "TargetUnavailableError"]

tolerate_no_cache()
