"""Web pages for the people around a home."""
