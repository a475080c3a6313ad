"""How much of each source a pretraining run reads: proportional, by temperature, or UniMax. Pure."""
