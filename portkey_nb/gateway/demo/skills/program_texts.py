"""The programs that the simulated models know by heart, the special before the general."""

from __future__ import annotations

from collections.abc import Sequence

from portkey_nb.gateway.demo.skills.program_kind import Program
from portkey_nb.gateway.demo.skills.program_texts_other import OTHERS
from portkey_nb.gateway.demo.skills.program_texts_python import PYTHON
from portkey_nb.gateway.demo.skills.program_texts_sorting import SORTING

__all__ = ["PROGRAMS"]

PROGRAMS: Sequence[Program] = (*SORTING, *PYTHON, *OTHERS)
"""What is known; of those that fit, the first is meant."""
