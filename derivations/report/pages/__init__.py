"""The pages of the site: what stands on each, from what was computed."""
