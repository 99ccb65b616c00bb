"""The demo: a small Wagtail shop whose photographs lose their backgrounds."""
