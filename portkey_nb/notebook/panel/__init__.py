"""The chat panel: messages and config composed side by side, answers watched as they come, everything kept."""
