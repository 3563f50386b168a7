"""Serves one application as the product is served: python -m bench.served APPLICATION PORT."""

import sys

from uvicorn import Server

from api.serving import configured

if __name__ == "__main__":
    _, application, port = sys.argv
    Server(
        configured(application, factory=True, host="127.0.0.1", port=int(port), log_level="warning")
    ).run()
