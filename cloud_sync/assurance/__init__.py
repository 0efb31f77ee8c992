"""What can rightly be believed about a home: coverage now, questions and incidents later. Pure."""
