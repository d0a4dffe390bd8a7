"""Deep transformers: the covariances of the stream, block by block."""
