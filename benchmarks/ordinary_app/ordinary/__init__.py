"""What a Flower App for the large model is without nbfed: Flower's strategy, loop and messages."""
