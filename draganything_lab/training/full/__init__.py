"""Training the ControlNet on real videos: from folders of clips to weights that the pipeline loads."""
