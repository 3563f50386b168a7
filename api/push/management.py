"""Stream management of the OpenID Shared Signals Framework 1.0: one issuer a platform.

Whoever manages a stream is an ADMIN of the platform that receives, with its bearer token.
"""

from functools import partial
from typing import Any

import anyio.to_thread
from pydantic import Field
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.limiting.counting import counted
from api.push.addresses import receiver_url
from api.push.messages import audience
from api.push.sets import SUPPORTED, turns_of, types_of
from api.push.transmitters import STATUSES, Call, Transmitter, parsed, refused_as, told
from governance import receivers, streams
from governance.errors import Conflict, InvalidInput, Refused
from governance.fields import Shape
from governance.platforms import Platform
from governance.receivers import Receiver, Stream
from governance.sealing import seal
from governance.tokens import ALGORITHMS, RS256
from governance.words import Delivery, ReceiverStatus

METHODS = {"urn:ietf:rfc:8935": Delivery.PUSH, "urn:ietf:rfc:8936": Delivery.POLL}
_METHOD = {delivery: urn for urn, delivery in METHODS.items()}


class DeliveryRequest(Shape):
    """How events are to come; the address is the node's for those who poll."""

    method: str
    endpoint_url: str | None = None
    authorization_header: str | None = Field(default=None, max_length=2_000, pattern="^[ -~]*$")


class StreamRequest(Shape):
    """What a receiver says of its stream; what is the node's to say is ignored."""

    stream_id: str | None = Field(default=None, max_length=64)
    delivery: DeliveryRequest | None = None
    events_requested: list[str] | None = Field(default=None, max_length=100)
    description: str | None = Field(default=None, max_length=500)
    signing_alg: str | None = None


class StatusRequest(Shape):
    stream_id: str = Field(max_length=64)
    status: str
    reason: str | None = Field(default=None, max_length=500)


class VerificationRequest(Shape):
    stream_id: str = Field(max_length=64)
    state: str | None = Field(default=None, max_length=1_000)


def stream_routes(transmitter: Transmitter) -> list[Route]:
    """The management API (SSF 1.0, sections 7 and 8)."""
    own = Management(transmitter)

    async def discovery(request: Request) -> Response:
        """What the issuer offers (SSF 1.0, 7.1)."""
        try:
            issuer = await transmitter.issuer(request.path_params["domain"])
        except Refused as refused:
            return refused_as(refused)
        return JSONResponse(own.discovery(issuer.domain))

    async def jwks(request: Request) -> Response:
        media = "application/jwk-set+json"
        made = await anyio.to_thread.run_sync(transmitter.tokens.published)
        return Response(made, media_type=media, headers={"Cache-Control": "max-age=300"})

    rates, base = transmitter.executor.rates, "/ssf/{domain}"
    ways = {
        (f"{base}/streams", "GET"): own.read,
        (f"{base}/streams", "POST"): own.create,
        (f"{base}/streams", "PATCH"): own.update,
        (f"{base}/streams", "PUT"): own.replace,
        (f"{base}/streams", "DELETE"): own.delete,
        (f"{base}/status", "GET"): own.status,
        (f"{base}/status", "POST"): own.set_status,
        (f"{base}/verify", "POST"): own.verify,
    }
    return [
        Route("/.well-known/ssf-configuration/{domain}", counted(rates, discovery)),
        Route("/ssf/jwks.json", counted(rates, jwks)),
        *(
            Route(path, transmitter.endpoint(handle), methods=[method])
            for (path, method), handle in ways.items()
        ),
    ]


class Management:
    """What each endpoint does."""

    def __init__(self, transmitter: Transmitter) -> None:
        self._at = transmitter

    def discovery(self, domain: str) -> dict[str, Any]:
        base = f"{self._at.base}/ssf/{domain}"
        return {
            "spec_version": "1_0",
            "issuer": f"{self._at.base}/{domain}",
            "jwks_uri": f"{self._at.base}/ssf/jwks.json",
            "delivery_methods_supported": list(METHODS),
            "configuration_endpoint": f"{base}/streams",
            "status_endpoint": f"{base}/status",
            "verification_endpoint": f"{base}/verify",
            "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}],
            "default_subjects": "ALL",
        }

    async def read(self, call: Call) -> Response:
        def found(session: Session) -> Any:
            if call.stream_id is not None:
                return self._told(session, *self._own(session, call, call.stream_id), call)
            every = streams.all_own(session, streams.manager(call.actor), call.issuer)
            return [self._told(session, *one, call) for one in every]

        return JSONResponse(await self._at.reading(found))

    async def create(self, call: Call) -> Response:
        asked = parsed(StreamRequest, call.body or b"{}")

        def change(session: Session) -> Any:
            actor = streams.manager(call.actor)
            delivery, url = self._delivery(asked.delivery)
            requested = SUPPORTED if asked.events_requested is None else asked.events_requested
            stream = Stream(
                receiver_id=streams.new_stream_id(),
                issuer_id=call.issuer.id,
                description=asked.description,
                requested=list(requested),
                algorithm=_algorithm(asked.signing_alg),
            )
            stream.authorization = self._sealed(stream.receiver_id, asked.delivery)
            receiver = streams.create(
                session,
                actor,
                call.issuer,
                stream,
                delivery=delivery,
                url=url,
                types=types_of(requested),
                has_turns=bool(turns_of(requested)),
                now=self._at.now(),
            )
            return self._told(session, receiver, stream, call)

        return JSONResponse(await self._at.writing(change), 201)

    async def update(self, call: Call) -> Response:
        return await self._changed(call, is_whole=False)

    async def replace(self, call: Call) -> Response:
        return await self._changed(call, is_whole=True)

    async def _changed(self, call: Call, *, is_whole: bool) -> Response:
        asked = parsed(StreamRequest, call.body)

        def change(session: Session) -> Any:
            receiver, stream = self._own(session, call, asked.stream_id)
            if is_whole or asked.delivery is not None:
                receiver.delivery, receiver.url = self._delivery(asked.delivery)
                stream.authorization = self._sealed(receiver.id, asked.delivery)
            if is_whole or asked.events_requested is not None:
                requested = asked.events_requested
                stream.requested = list(SUPPORTED) if requested is None else requested
                streams.want_turns(session, stream, has_turns=bool(turns_of(stream.requested)))
                receiver.filter = streams.wanted(call.issuer, types_of(stream.requested))
            if is_whole or asked.description is not None:
                stream.description = asked.description
            if is_whole or asked.signing_alg is not None:
                stream.algorithm = _algorithm(asked.signing_alg)
            receiver.attempts, receiver.next_at, receiver.problem = 0, None, None
            session.add(receiver)
            session.add(stream)
            return self._told(session, receiver, stream, call)

        return JSONResponse(await self._at.writing(change))

    async def delete(self, call: Call) -> Response:
        def change(session: Session) -> None:
            receiver, _ = self._own(session, call, call.stream_id)
            receivers.remove(session, receiver.id)

        await self._at.writing(change)
        return Response(status_code=204)

    async def status(self, call: Call) -> Response:
        found = await self._at.reading(partial(self._own, call=call, ident=call.stream_id))
        return JSONResponse(_status(found[0]))

    async def set_status(self, call: Call) -> Response:
        asked = parsed(StatusRequest, call.body)
        status = ReceiverStatus.__members__.get(asked.status.upper())
        if status is None:
            raise InvalidInput("status: expected enabled, paused or disabled")

        def change(session: Session) -> Any:
            receiver, _ = self._own(session, call, asked.stream_id)
            receivers.set_status(session, receiver.id, status, asked.reason)
            return _status(receiver)

        return JSONResponse(await self._at.writing(change))

    async def verify(self, call: Call) -> Response:
        asked = parsed(VerificationRequest, call.body)

        def change(session: Session) -> None:
            receiver, stream = self._own(session, call, asked.stream_id)
            now = self._at.now()
            streams.ask_verification(session, receiver, stream, asked.state, now=now)

        try:
            await self._at.writing(change)
        except Conflict as conflict:
            return told(429, STATUSES[429], conflict.message)
        return Response(status_code=204)

    def _configuration(self, receiver: Receiver, stream: Stream, issuer: str, domain: str) -> Any:
        """A stream as SSF 1.0 section 8.1.1 has it."""
        url = receiver.url or f"{self._at.base}/ssf/{issuer}/poll/{receiver.id}"
        found: dict[str, Any] = {
            "stream_id": receiver.id,
            "iss": f"{self._at.base}/{issuer}",
            "aud": audience(domain),
            "events_supported": SUPPORTED,
            "events_requested": stream.requested,
            "events_delivered": [uri for uri in stream.requested if uri in SUPPORTED],
            "delivery": {"method": _METHOD[receiver.delivery], "endpoint_url": url},
            "min_verification_interval": int(streams.VERIFIED_EVERY.total_seconds()),
            "signing_alg": stream.algorithm,
        }
        return found | ({"description": stream.description} if stream.description else {})

    def _own(self, session: Session, call: Call, ident: str | None) -> tuple[Receiver, Stream]:
        actor = streams.manager(call.actor)
        if ident is None:
            raise InvalidInput("expected a stream_id")
        return streams.own(session, actor, call.issuer, ident)

    def _told(self, session: Session, receiver: Receiver, stream: Stream, call: Call) -> Any:
        domain = session.get_one(Platform, receiver.platform_id).domain
        return self._configuration(receiver, stream, call.issuer.domain, domain)

    def _delivery(self, asked: DeliveryRequest | None) -> tuple[Delivery, str | None]:
        if asked is None:
            return Delivery.POLL, None
        if asked.method not in METHODS:
            raise InvalidInput(f"delivery.method: expected one of {', '.join(METHODS)}")
        if METHODS[asked.method] is Delivery.POLL:
            return Delivery.POLL, None
        url = receiver_url(self._at.outside, asked.endpoint_url or "", "endpoint_url")
        return Delivery.PUSH, url

    def _sealed(self, ident: str, asked: DeliveryRequest | None) -> bytes | None:
        header = asked.authorization_header if asked else None
        return seal(self._at.keys, ident, header) if header else None


def _algorithm(asked: str | None) -> str:
    if asked not in (None, *ALGORITHMS):
        raise InvalidInput(f"signing_alg: expected one of {', '.join(ALGORITHMS)}")
    return asked or RS256


def _status(receiver: Receiver) -> dict[str, str]:
    found = {"stream_id": receiver.id, "status": receiver.status.value.lower()}
    return found | ({"reason": receiver.reason} if receiver.reason else {})
