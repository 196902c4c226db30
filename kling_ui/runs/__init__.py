"""Running a request from inputs to a kept result, in a way that nothing can lose."""
