"""The image formats that can be read, by the suffixes of their files. Loads nothing."""

from __future__ import annotations

IMAGE_FORMATS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo"),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "AVIF": (".avif", ".avifs"),
}
"""Suffixes by Pillow's names of its decoders. Others start programs, such as Ghostscript for EPS."""

IMAGE_SUFFIXES = frozenset(suffix for suffixes in IMAGE_FORMATS.values() for suffix in suffixes)

_OTHERS = """
heic heif hif jxl jxr wdp hdp bpg flif qoi psd psb xcf kra ora svg svgz eps ai exr hdr pfm fits fit dcm dpx
cin dds ktx ktx2 tga pcx ico cur icns pam ras sgi xbm xpm pict raw dng cr2 cr3 crw nef nrw arw sr2 orf rw2
raf pef srw x3f iiq 3fr rwl mng jng btf tf8 svs ndpi
"""
OTHER_IMAGE_SUFFIXES = frozenset(f".{name}" for name in _OTHERS.split())
"""Suffixes of images that can't be read here: such files are left out with a word, never silently."""
