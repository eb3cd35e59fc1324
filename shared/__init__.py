"""What two services need and that decides nothing for either."""
