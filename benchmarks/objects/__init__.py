"""Objects: measurements of regions, timed against scikit-image, and what memory they take."""
