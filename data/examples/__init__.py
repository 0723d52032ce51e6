"""Small real tables; README.md beside this file says what they hold, whence they come, and under which licence."""
