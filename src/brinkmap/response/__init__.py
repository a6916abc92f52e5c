"""The response model: how the victim will answer, learned from answers paid for, and plans made in it."""
