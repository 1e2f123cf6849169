"""The studio for a class: a server, and a process for every visitor."""
