"""The studio as a form, for those who use no mouse."""
