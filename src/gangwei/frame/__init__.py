"""A dataset directory laid out for counting."""
