"""The default tracker: optical flow, checked against layers that move together."""
