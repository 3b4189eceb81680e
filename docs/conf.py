"""Sphinx configuration: MyST pages, Furo theme."""

project = "gangwei"
copyright = "2026, the gangwei contributors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = "gangwei 岗位"
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
