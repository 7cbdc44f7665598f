"""Tools for working on Contender: a local cluster, images and the system packages they need.

Standard library only, because they run before any virtual environment exists:
``python3 -m dev.system``, ``python3 -m dev.cluster``, ``python3 -m dev.images``.
"""
