"""What sources have in common: connections, pages, windows, downloads, and records as columns."""
