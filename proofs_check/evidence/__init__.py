"""What the checkers measure: samples, runs and their statistics, shared or long."""
