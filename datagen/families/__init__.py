"""Joint distributions with known mutual information, one file a kind. Importing this package registers them all."""
