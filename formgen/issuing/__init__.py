"""Documents that go out: forms, corrections, letters, receipts."""
