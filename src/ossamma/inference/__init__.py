"""Text to entities: windows that tile, batching by length, Viterbi and span posteriors."""
