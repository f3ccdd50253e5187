"""Conformance: the same programs on two targets, every integer of every step compared. See README.md."""

from __future__ import annotations

from equipoise.conformance.check import Report, conform
from equipoise.conformance.models import MODELS

__all__ = ["MODELS", "Report", "conform"]
