"""What serves the front door `check_template` alone: options, output, comparison."""
