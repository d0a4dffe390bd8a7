"""Renderers: records in, text out. Nothing is computed here."""
