"""What stands in a document: answers, marks, identity; no format and no form."""
