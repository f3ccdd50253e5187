"""Texts from outside made safe to show: in messages, on terminals, on pages.

A name or a value read from a file may hold control characters (they move a terminal's cursor), a NUL, half of a
surrogate pair, or characters that change the reading direction and make ``exe.gnp`` look like ``png.exe``. All are
shown as escapes, and what is long is cut in the middle.
"""

from __future__ import annotations

import re

__all__ = ["one_line", "safe_text", "shown", "times", "visible"]

#: characters of one run without a space before it is cut, and of a whole message
LONGEST_WORD, LONGEST_MESSAGE = 240, 4000

#: C0 and C1 controls but tab and newline; direction marks, overrides and isolates; line and paragraph separators;
#: invisible joiners; surrogates
_HIDDEN = (  # compiled when first used: the command line starts faster
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_WORD = rf"\S{{{LONGEST_WORD + 1},}}"


def visible(text: str) -> str:
    """``text`` with every character that hides, deletes or turns others written as an escape; nothing is cut."""
    return re.sub(_HIDDEN, _escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def safe_text(text: str, most: int = LONGEST_MESSAGE) -> str:
    """A message with every hidden character visible, long words and the whole cut in the middle."""
    if len(text) > 16 * most:  # before the patterns see it
        text = _cut(text, 16 * most)
    return _cut(re.sub(_WORD, lambda match: _cut(match[0], LONGEST_WORD), visible(text)), most)


def one_line(text: str, most: int) -> str:
    """The same on one line of at most ``most`` characters."""
    return _cut(" ".join(safe_text(text).split()), most)


def shown(value: object, most: int = 60) -> str:
    """A value for a message: its ``repr``, safe and short."""
    if isinstance(value, (str, bytes)):
        return _cut(visible(repr(_cut_value(value, most))), most + 16)
    try:
        return _cut(visible(" ".join(repr(value).split())), most)
    except Exception:  # a repr of a stranger's class may fail
        return f"a {type(value).__name__}"


def _cut_value(value: str | bytes, most: int) -> str | bytes:
    if len(value) <= most:
        return value
    if isinstance(value, bytes):
        return value[: most - 4] + b"..."
    return value[: most // 2] + "…" + value[-(most // 2) :]


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head = (2 * most) // 3
    return text[:head] + "…" + text[len(text) - (most - head - 1) :]


def times(value: float) -> str:
    """A factor as people read it: two digits, no powers of ten below a million."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:.2g}" if rounded < 100 or rounded >= 1e6 else f"{rounded:,.0f}".replace(",", " ")
