"""Demo data: a small lively one to look at, and the reference set on which speed is measured."""

from synergy_domain.demo.service import PASSWORD, Filled, Size, fill

__all__ = ["PASSWORD", "Filled", "Size", "fill"]
