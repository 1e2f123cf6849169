"""DragAnything Lab: click a thing in a picture, drag it, generate the video, see where every pixel went."""

__version__ = "0.1.0"
