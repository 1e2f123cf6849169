"""The picture to draw on: what is shown, and what mouse and keys do."""
