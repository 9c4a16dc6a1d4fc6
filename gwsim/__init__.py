"""gwsim: gravitational-wave datasets made from a table, and networks that learn from them."""

__version__ = "0.1.0"
