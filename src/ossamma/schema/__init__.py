"""The words of the house: documents, spans, labels, tags, profiles and errors."""
