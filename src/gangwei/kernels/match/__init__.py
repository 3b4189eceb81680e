"""Which ads are one opening: signatures, clusters, judgements, links between employers."""
