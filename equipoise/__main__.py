"""``python -m equipoise`` and the ``equipoise`` command."""

from __future__ import annotations

# Imports inside functions are late: the version is told without loading anything.
import sys


def main() -> None:
    """Run the command line; exit code 2 and one line for bad input, 130 for an interrupt."""
    if sys.argv[1:] == ["--version"]:  # the commonest question, answered without loading anything
        from equipoise._version import __version__

        print(f"equipoise {__version__}")
        return
    from hw_profiles.arithmetic import start_again

    start_again()
    from equipoise.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
