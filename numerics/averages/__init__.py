"""Averages over random points: where the points lie, and how sure their mean is."""
