"""Platforms, as everyone sees them."""

import strawberry
import strawberry.pydantic
from pydantic import Field

from api.schema.nodes import Node
from governance.platforms import PlatformStatement


@strawberry.pydantic.type(description="An organisation that takes part, known by its domain")
class Platform(PlatformStatement, Node):
    id: strawberry.ID = Field(description="Global id, prefixed plt_")
