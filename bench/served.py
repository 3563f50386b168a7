"""Serves a node as the product is served: python -m bench.served PORT."""

import sys
from functools import partial

from uvicorn import Server

from api.apart import pages_apart
from api.observing.logs import configuration
from api.serving import application, configured
from governance.settings import read_settings

if __name__ == "__main__":
    port = int(sys.argv[1])
    settings = read_settings()
    with pages_apart(settings) as pages:
        app, log_config = partial(application, pages), configuration(settings)
        Server(
            configured(app, factory=True, host="127.0.0.1", port=port, log_config=log_config)
        ).run()
