"""What `python -m numerics.gpt2` does: one command a module."""
