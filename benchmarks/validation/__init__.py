"""What cross-validation claims against what is true, and what sampling and normalisation do to quality."""
