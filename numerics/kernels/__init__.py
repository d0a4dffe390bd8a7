"""Kernels in closed form: MLPs, and kernels that see equality of tokens alone."""
