"""The version of the distribution, read by the build and written into results."""

__version__ = "0.1.0"
