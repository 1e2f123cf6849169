"""Commands of `draganything-lab` that are a few lines each; `draganything_lab.cli` lists them all."""
