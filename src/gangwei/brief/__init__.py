"""The brief: what it says, block by block, and its one HTML file."""
