"""Work that outlives its request: kept on disk, done in blocks, gone on with after a restart."""
