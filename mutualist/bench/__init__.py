"""`mutualist bench`: our estimator beside others, on samples whose mutual information is known.

data         records from Parquet: test splits of a meta-dataset, or files of one's own
methods      ours and the peers by name: what each is, and where it comes from
run          every method on every chosen record, timed
scores       errors, coverage and interval scores, overall and in bands; where we lose
show, pictures, command
"""
