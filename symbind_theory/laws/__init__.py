"""Laws of substitutions: which symbols wildcards take, and how diverse the data is."""
