"""The Gravitational Wave Open Science Center: what it has, what of that is needed, and bringing it here."""
