"""Look on while runs go on: `snapshot` reads files, `server` shows them in a browser, `terminal` in a terminal."""

from equipoise.watch.server import WatchServer
from equipoise.watch.snapshot import Curve, Seen, look

__all__ = ["Curve", "Seen", "WatchServer", "look"]
