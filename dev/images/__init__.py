"""Container images without a registry: base images from Debian packages, the project's own on top of them."""
