"""What kernel regression learns from so many strings, by formula."""
