"""What made the shipped weights, `toy` and `sam`, and what makes them again or larger."""
