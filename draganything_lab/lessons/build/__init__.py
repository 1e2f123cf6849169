"""From the sources in `lessons/` to notebooks: the makers' tools."""
