"""What a feature is: specifications, filters as graphs of planes, and the plan that shares intermediates."""
