"""What made the shipped `toy` weights, and the same commands to make them again or larger."""
