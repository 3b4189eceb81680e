"""How files of any kind are opened: tables with rows and named columns, and what of them could not be read."""
