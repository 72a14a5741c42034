"""What is seen: text or a DataFrame goes in, safe HTML comes out."""
