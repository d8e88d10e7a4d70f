"""Suggest: the roles that the cells of an unmarked notebook probably have."""
