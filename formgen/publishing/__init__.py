"""What other systems read: records, reasons, the feed."""
