"""Which column is which field: rules of a source, or what headers and values say."""
