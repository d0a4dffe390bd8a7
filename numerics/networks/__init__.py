"""Finite networks: what the kernels are limits of, sampled and trained."""
