"""Samples, runs and estimates that the claims are held against."""
