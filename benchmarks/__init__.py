"""Measurements beside a named peer in the same run; printed as ratios, never asserted."""
