"""What runs did: rates, hitting and escape times, basins, survival; each number with its n and its interval."""
