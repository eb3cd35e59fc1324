"""What the verifier does: answers, keeps employers' accounts, follows the state topics."""
