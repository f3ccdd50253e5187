"""Mappers: from a network or a problem to a program on a target. See README.md in this folder."""
