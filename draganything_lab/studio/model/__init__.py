"""What the studio knows and does, without any widget."""
