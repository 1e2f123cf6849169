"""The small Segment Anything: its data, losses, training and card."""
