"""Facts of a job: pay, education, experience, contract, level, occupation, industry, skills."""
