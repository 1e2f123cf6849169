"""The panels beside the canvas: generate, look, download."""
