"""Plan: a notebook with roles becomes a program."""

from nbfed.plan.planner import plan

__all__ = ["plan"]
