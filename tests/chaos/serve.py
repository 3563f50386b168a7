"""A node whose clock is wrong by so many seconds: `python -m tests.chaos.serve PORT SECONDS`."""

import sys
from datetime import UTC, datetime, timedelta

from uvicorn import Server

from api.app import create_app
from api.observing.logs import configuration
from api.serving import configured
from governance.settings import read_settings

GRACE = 10  # seconds


def main(port: int, skew: timedelta) -> None:
    settings = read_settings()
    app = create_app(settings, now=lambda: datetime.now(UTC) + skew)
    told = configuration(settings)
    options = {"host": "127.0.0.1", "port": port, "timeout_graceful_shutdown": GRACE}
    Server(configured(app, log_config=told, **options)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), timedelta(seconds=float(sys.argv[2])))
