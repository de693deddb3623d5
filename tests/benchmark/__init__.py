"""`make bench`: how fast the product is, against a peer measured in the same run."""
