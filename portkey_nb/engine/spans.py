"""Runs as OpenTelemetry spans by the conventions for generative AI, for whoever has set up an OpenTelemetry SDK."""

from __future__ import annotations
