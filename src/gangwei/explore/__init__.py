"""Pages over one published dataset, and the page where people label ads."""
