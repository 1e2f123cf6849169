"""The command line: one module a command; `draganything_lab.cli.main` lists them all."""
