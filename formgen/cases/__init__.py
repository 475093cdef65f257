"""Cases: their phase, what moves them, what they know."""
