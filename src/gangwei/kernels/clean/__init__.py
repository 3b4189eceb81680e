"""Clean text: markup, characters, contacts, dates and sections."""
