"""The model card of the small weights: what is measured, and how it is written down."""
