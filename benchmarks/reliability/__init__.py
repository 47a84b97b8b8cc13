"""Long checks of the promises: same answer as scikit-learn, on every device."""
