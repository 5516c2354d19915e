"""From characters to pieces and back: words, tokenizer, alignment, windows and batches."""
