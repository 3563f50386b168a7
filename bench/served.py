"""Serves a node as the product is served: python -m bench.served PORT."""

import sys
from functools import partial

from uvicorn import Server

from api.apart import pages_apart
from api.serving import application, configured
from governance.settings import read_settings

if __name__ == "__main__":
    port = int(sys.argv[1])
    with pages_apart(read_settings()) as pages:
        app = partial(application, pages)
        Server(
            configured(app, factory=True, host="127.0.0.1", port=port, log_level="warning")
        ).run()
