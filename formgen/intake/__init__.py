"""What comes back: from the inbox to the outcome."""
