"""One job from submit to saved files."""
