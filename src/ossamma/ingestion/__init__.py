"""Documents in: files to texts, texts to mentions, mentions to a sink; again and again the same."""
