"""What keeps one caller from taking everybody's turn: costs, rates, quotas, guesses."""
