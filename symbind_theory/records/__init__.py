"""Frozen records that exact and numeric code share, written and read back."""
