"""The default tracker: optical flow, checked against the layers that move alike."""
