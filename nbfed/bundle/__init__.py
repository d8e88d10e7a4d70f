"""Bundle: make from a build one kit for the server and one for each site.

``kits`` says what a kit holds, from values alone; the modules that touch the disk, pip or keys
are ``coordinator``, ``wheels``, ``downloads`` and ``archive``, and ``making`` calls them in order.
"""
