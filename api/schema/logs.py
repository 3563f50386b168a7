"""The decision log. Null until the node keeps one."""

from typing import Annotated, Any

import strawberry
import strawberry.pydantic
from pydantic import BaseModel, Field

from api.reads.fields import Nothing, Read, Row, argument, sql
from api.reads.values import Argument
from governance.fields import Long


@strawberry.type(description="An entry of the decision log")
class LogEntry:
    index: Long = strawberry.field(description="Place in the log, from zero")
    leaf_hash: str = strawberry.field(description="RFC 6962 leaf hash, base64")
    data: str = strawberry.field(description="The entry's bytes as they were logged")


@strawberry.type(description="A Merkle proof")
class Proof:
    hashes: list[str] = strawberry.field(description="Hashes of the proof in order, base64")


@strawberry.pydantic.type(description="The node's decision log")
class Log(BaseModel):
    origin: str = Field(description="Name of the log, as checkpoints print it")
    size: Long = Field(description="Number of entries")
    root_hash: str = Field(description="Root of the Merkle tree, base64")
    checkpoint: str = Field(description="The newest signed checkpoint, a signed note")

    @sql(LogEntry | None, "One entry by its place", index=argument(Long, "Place of the entry"))
    def entry(row: Row, read: Read, index: Argument) -> Any:
        return Nothing()

    @sql(
        Proof | None,
        "Proof that an entry is in the tree of a size",
        index=argument(Long, "Place of the entry"),
        size=argument(Long, "Size of the tree"),
    )
    def inclusion_proof(row: Row, read: Read, index: Argument, size: Argument) -> Any:
        return Nothing()

    @sql(
        Proof | None,
        "Proof that one tree is the beginning of another",
        from_=Annotated[
            Long, strawberry.argument(name="from", description="Size of the older tree")
        ],
        to=argument(Long, "Size of the newer tree"),
    )
    def consistency_proof(row: Row, read: Read, from_: Argument, to: Argument) -> Any:
        return Nothing()
