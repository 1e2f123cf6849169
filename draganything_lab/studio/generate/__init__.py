"""Runs of a model: what they cost, whose turn it is, how they come back."""
