"""Reading and writing pictures, videos and files, and drawing on them."""

from .mask import load_mask
from .picture import encode_picture, load_picture, save_picture
from .video import encode_video, frame_strip, read_video, write_video

__all__ = [
    "encode_picture",
    "encode_video",
    "frame_strip",
    "load_mask",
    "load_picture",
    "read_video",
    "save_picture",
    "write_video",
]
