"""The probe's process where there is no fork: ``python -m hw_profiles.reading._child WORK PATH SECONDS NAME``."""

from __future__ import annotations

import sys

from hw_profiles.reading.trying import limit_process, try_work

if __name__ == "__main__":
    work, path, seconds, name = sys.argv[1:]
    import importlib

    importlib.import_module(work.split(":")[0])  # the library's own memory is not the file's
    limit_process(float(seconds))
    sys.stdout.write(try_work(work, path, name))
