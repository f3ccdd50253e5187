"""Workers and the script that starts them: a script without a main guard must not run again in every worker.

`multiprocessing` has each new process import the caller's script, so that what the script defines is there. Without
``if __name__ == "__main__":`` around the call, that import would begin the whole study again.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["call_is_guarded", "importing_main"]


def call_is_guarded() -> bool:
    """Whether the script at the bottom of the present calls made this one under a test of ``__name__``.

    True where there is no script: an interpreter's prompt, a notebook, another thread.
    """
    main = sys.modules["__main__"]
    frame: FrameType | None = sys._getframe()
    while frame is not None and not (frame.f_code.co_name == "<module>" and frame.f_globals is vars(main)):
        frame = frame.f_back
    file = getattr(main, "__file__", None)
    if frame is None or file is None:
        return True
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, ValueError, SyntaxError):
        return True
    return any(
        isinstance(part, ast.If)
        and part.lineno <= frame.f_lineno <= (part.end_lineno or part.lineno)
        and any(isinstance(name, ast.Name) and name.id == "__name__" for name in ast.walk(part.test))
        for part in tree.body
    )


@contextmanager
def importing_main(yes: bool) -> Iterator[None]:
    """Whether processes started meanwhile import the caller's script; these two attributes decide it."""
    main = sys.modules["__main__"]
    names = {} if yes else {name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)}
    try:
        for name in names:
            setattr(main, name, None)
        yield
    finally:
        for name, value in names.items():
            setattr(main, name, value)
