"""What is kept on disk between runs."""

from numerics.store.value_cache import ValueCache, cache_folder

__all__ = ["ValueCache", "cache_folder"]
