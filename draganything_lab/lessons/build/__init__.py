"""Tools that turn the sources in `lessons/` into notebooks."""
