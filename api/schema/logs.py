"""The decision log. Null until the node keeps one."""

from typing import Annotated

import strawberry

from governance.fields import Long


@strawberry.type(description="An entry of the decision log")
class LogEntry:
    index: Long = strawberry.field(description="Place in the log, from zero")
    leaf_hash: str = strawberry.field(description="RFC 6962 leaf hash, base64")
    data: str = strawberry.field(description="The entry's bytes as they were logged")


@strawberry.type(description="A Merkle proof")
class Proof:
    hashes: list[str] = strawberry.field(description="Hashes of the proof in order, base64")


@strawberry.type(description="The node's decision log")
class Log:
    origin: str = strawberry.field(description="Name of the log, as checkpoints print it")
    size: Long = strawberry.field(description="Number of entries")
    root_hash: str = strawberry.field(description="Root of the Merkle tree, base64")
    checkpoint: str = strawberry.field(description="The newest signed checkpoint, a signed note")

    @strawberry.field(  # type: ignore[untyped-decorator]
        description="One entry by its place"
    )
    def entry(self, index: Long) -> LogEntry | None:
        raise AssertionError("compiled reads replace every resolver")

    @strawberry.field(  # type: ignore[untyped-decorator]
        description="Proof that an entry is in the tree of a size"
    )
    def inclusion_proof(self, index: Long, size: Long) -> Proof | None:
        raise AssertionError("compiled reads replace every resolver")

    @strawberry.field(  # type: ignore[untyped-decorator]
        description="Proof that one tree is the beginning of another"
    )
    def consistency_proof(
        self, from_: Annotated[Long, strawberry.argument(name="from")], to: Long
    ) -> Proof | None:
        raise AssertionError("compiled reads replace every resolver")
