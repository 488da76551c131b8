"""Writes the pictures beside this script and what Pillow makes of them, for the tests of image folders.

Usage: python fixtures.py   (needs numpy and pillow; written with pillow 13)

expected.json: for each file the 12 x 12 image of its central square, [3, 12, 12], after turning it upright and laying it on
white: Pillow's decoders and its BILINEAR resizing, none of the program's code.
"""
import json
import os

import numpy as np
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__)) + "/"
SIDE = 12


def picture(height, width):
    """Smooth colours, different in every direction."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(5 * x + 1), np.cos(4 * y), np.sin(3 * x + 6 * y)]
    return (127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8)


def expected(image):
    image = ImageOps.exif_transpose(image)
    if image.mode == "I;16":
        image = Image.fromarray(np.round(np.asarray(image).astype(float) / 257).astype(np.uint8))
    if image.mode in ("P", "LA", "RGBA"):
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, (255,) * 4)
        paper.alpha_composite(image)
        image = paper
    image = image.convert("RGB")
    edge = min(image.size)
    left, top = ((size - edge) // 2 for size in image.size)
    square = image.crop((left, top, left + edge, top + edge)).resize((SIDE, SIDE), Image.BILINEAR)
    return np.asarray(square).transpose(2, 0, 1).ravel().tolist()


colours = picture(40, 62)
alpha = np.linspace(0, 255, 62).astype(np.uint8)[None].repeat(40, 0)
rgb, grey = Image.fromarray(colours), Image.fromarray(colours[..., 0])
turned = Image.Exif()
turned[0x0112] = 6
save = {
    "plain.jpg": (rgb, dict(quality=90)),
    "full-colour.jpg": (rgb, dict(quality=95, subsampling=0)),
    "progressive.jpg": (rgb, dict(quality=90, progressive=True)),
    "restarts.jpg": (rgb, dict(quality=90, restart_marker_blocks=3)),
    "grey.jpg": (grey, dict(quality=90)),
    "grey-progressive.jpg": (grey, dict(quality=90, progressive=True)),
    "cmyk.jpg": (rgb.convert("CMYK"), dict(quality=95)),
    "turned.jpg": (rgb, dict(quality=90, exif=turned)),
    "plain.png": (rgb, {}),
    "grey.png": (grey, {}),
    "deep.png": (Image.fromarray(colours[..., 1].astype(np.uint16) * 257), {}),
    "palette.png": (rgb.quantize(16), {}),
    "transparent.png": (Image.fromarray(np.dstack([colours, alpha])), {}),
    "grey-transparent.png": (Image.fromarray(np.dstack([colours[..., 0], alpha])), {}),
}
found = {}
for name, (image, options) in save.items():
    image.save(HERE + name, **options)
    found[name] = expected(Image.open(HERE + name))
with open(HERE + "expected.json", "w") as file:
    json.dump(found, file)
