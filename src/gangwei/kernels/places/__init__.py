"""Where the job is: the gazetteer, and what place fields say."""
