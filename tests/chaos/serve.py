"""A node whose clock is wrong by so many seconds: `python -m tests.chaos.serve PORT SECONDS`."""

import sys
from datetime import UTC, datetime, timedelta

import uvicorn

from api.app import create_app
from api.observing.logs import configuration
from governance.settings import read_settings


def main(port: int, skew: timedelta) -> None:
    settings = read_settings()
    app = create_app(settings, now=lambda: datetime.now(UTC) + skew)
    told = configuration(settings)
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=told, access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), timedelta(seconds=float(sys.argv[2])))
