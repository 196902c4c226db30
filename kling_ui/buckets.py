"""Opens a bucket of an S3-compatible store."""

from datetime import timedelta

from obstore.store import S3Store


def open_bucket(url: str) -> S3Store:
    """Open a bucket with the ``AWS_`` variables of the environment; nothing is asked of it yet.

    Args:
        url: ``s3://bucket/folder``.
    """
    return S3Store.from_url(
        url,
        client_options={"allow_http": True, "connect_timeout": timedelta(seconds=10)},  # AWS_ENDPOINT_URL decides
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
    )
