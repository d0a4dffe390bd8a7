"""Averages over random points: where the points lie, and how sure their mean is."""

from numerics.averages.jackknife import jackknife_halfwidth
from numerics.averages.student import mean_interval

__all__ = ["jackknife_halfwidth", "mean_interval"]
