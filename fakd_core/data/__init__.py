"""Image files, folders of images, and batches of patches cut from them."""
