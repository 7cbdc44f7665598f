"""Container images without a registry: bases from Debian packages, the project's on top."""
