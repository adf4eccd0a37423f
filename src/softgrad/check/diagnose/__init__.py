"""Which wrong line explains the numbers of a wrong gradient."""
