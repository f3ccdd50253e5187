"""The random words of this substrate: `substrates.random`. A licensed user puts the chip's own generator here."""

from __future__ import annotations

from substrates.random import mix, step_key, stream_key, word, word_array

__all__ = ["mix", "step_key", "stream_key", "word", "word_array"]
