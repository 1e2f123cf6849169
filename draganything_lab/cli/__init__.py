"""The command line: one module per command; `draganything_lab.cli.main` lists them all."""
