"""What the example of a GPT is made of: its text, its training, its samples and pictures."""
