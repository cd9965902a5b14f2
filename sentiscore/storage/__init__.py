"""Object stores: an address such as s3://bucket/news.parquet becomes a path, and what is written there is published."""
