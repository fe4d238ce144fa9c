"""What a project was found to mean, remembered until anything changes that decides about it: the next plan then binds nothing."""
