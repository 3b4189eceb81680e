"""Who the employer is: keys of names, second names, affiliation."""
