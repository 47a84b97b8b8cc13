"""Features against the libraries that compute the same: checked first, then timed by turns."""
