"""Loihi 2 programs through Lava: processes, CPU models, a builder, and a watchdog. Importing this imports no Lava."""
