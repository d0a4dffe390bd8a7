"""Averages over random points: where the points lie, and how sure their mean is."""

from numerics.averages.student import mean_interval

__all__ = ["mean_interval"]
