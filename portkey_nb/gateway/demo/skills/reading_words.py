"""The words by which a text's tone is judged, and those that carry no meaning of their own."""

from __future__ import annotations

__all__ = ["BAD", "GOOD", "NOT", "STOPS"]

_GOOD = (
    "good great excellent amazing love loved loves wonderful fantastic happy best perfect awesome nice "
    "delicious superb brilliant recommend pleased delighted enjoy enjoyed beautiful friendly helpful fast easy "
    "impressive outstanding comfortable glad satisfied works thanks reliable fun charming win"
)
_BAD = (
    "bad terrible awful hate hated hates worst horrible poor disappointing disappointed broken slow useless "
    "rude ugly boring waste annoying angry sad problem problems failed fails dirty expensive refund never "
    "crash crashes crashed uncomfortable late cold wrong unhelpful scam defective confusing frustrating broke "
    "avoid lost damaged"
)
_NOT = "not no never hardly isn't wasn't don't didn't doesn't can't won't nothing without"
_STOPS = (
    "the a an and or of to in on for with as by at from is are was were be been it its this that these those "
    "their there they he she his her we you i not but which who has have had will would can could into than "
    "then so such also more most one all over after before about between through during while when where what"
)

GOOD = frozenset(_GOOD.split())
BAD = frozenset(_BAD.split())
NOT = frozenset(_NOT.split())
STOPS = frozenset(_STOPS.split())
