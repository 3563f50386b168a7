"""The questions that are timed, each with the hand-written SQL that is their limit.

The limits answer the same bodies, access control included, from the same drivers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

STATUS = """query ($s: URI!) {
  suspensionStatus(subject: $s) {
    subject isSuspended isPermanent until
    sanctions { id measure effect effectiveAt expiresAt platform { domain name } }
  }
}"""

STATUSES = """query ($s: [URI!]!) {
  suspensionStatuses(subjects: $s) { subject isSuspended isPermanent until }
}"""

LIST = """query ($f: SanctionFilter) {
  sanctions(filter: $f, first: 50) {
    nodes {
      id measure category validity issuedAt expiresAt platform { domain name }
      appeals(first: 5) { nodes { id state outcome } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""

ISSUE = """mutation ($input: IssueSanctionsInput!) {
  issueSanctions(input: $input) {
    issuedCount
    refusedCount
    results { ... on SanctionIssued { sanction { id } } ... on Refusal { code message } }
  }
}"""


def decisions(serial: object, count: int) -> list[dict[str, Any]]:
    """So many sanctions to be issued, each of an account of its own that no other serial has."""
    now = datetime.now(UTC)
    shared = {
        "measure": "ACCOUNT_SUSPENDED",
        "ground": "INCOMPATIBLE_CONTENT",
        "groundReference": "Rule 1",
        "category": "CYBER_VIOLENCE",
        "reason": "You insulted others after a warning.",
        "isAutomatedDetection": False,
        "automation": "NOT_AUTOMATED",
        "source": "NOTICE",
        "conductFrom": now.isoformat(),
        "expiresAt": (now + timedelta(days=7)).isoformat(),
    }
    return [
        shared
        | {
            "issuerReference": f"{serial}-{number}",
            "subject": f"acct:user{serial}x{number}@elsewhere.example",
        }
        for number in range(count)
    ]


@dataclass(frozen=True, slots=True)
class Limit:
    """Hand-written SQL by engine; `?` and `$n` are: key, now, platform, oldest, subject."""

    sqlite: str
    postgresql: str


TOKEN = Limit(
    sqlite=(
        "select m.platform_id from tokens t join members m on m.id = t.member_id "
        "where t.hash = ?1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > ?2)"
    ),
    postgresql=(
        "select m.platform_id from tokens t join members m on m.id = t.member_id "
        "where t.hash = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)"
    ),
)

_SEEN = """(s.platform_id = {platform} or s.subject_kind = 'SERVER' or s.audience = 'PARTNERS'
  and (s.ends_at is null or s.ends_at > {oldest} or exists (select 1 from disclosures d
  where d.sanction_id = s.id and d.host_id = {platform})))"""

STATUS_LIMIT = Limit(
    sqlite="""select '{"data":{"suspensionStatus":{"subject":' || json_quote(?5)
  || ',"isSuspended":' || case when count(id) > 0 then 'true' else 'false' end
  || ',"isPermanent":' || case when count(id) > count(ends_at) then 'true' else 'false' end
  || ',"until":' || coalesce('"' || case when count(id) > count(ends_at) then null
      else max(ends_at) end || '"', 'null')
  || ',"sanctions":[' || coalesce(group_concat(item, ','), '') || ']}}}'
from (select s.id, s.ends_at, '{"id":"' || s.id || '","measure":"' || s.measure
  || '","effect":"IN_FORCE","effectiveAt":"' || s.effective_at
  || '","expiresAt":' || coalesce('"' || s.expires_at || '"', 'null')
  || ',"platform":{"domain":' || json_quote(p.domain) || ',"name":' || json_quote(p.name)
  || '}}' as item
from subject_keys k join sanctions s on s.id = k.sanction_id join platforms p
  on p.id = s.platform_id
where k.key = ?1 and s.measure in ('ACCOUNT_SUSPENDED','ACCOUNT_TERMINATED','SERVER_SUSPENDED')
  and s.is_binding = 1 and s.starts_at <= ?2 and (s.ends_at is null or s.ends_at > ?2)
  and """
    + _SEEN.format(platform="?3", oldest="?4")
    + " order by s.ends_at is not null, s.ends_at desc, s.id)",
    postgresql="""select '{"data":{"suspensionStatus":{"subject":' || to_json($5::text)::text
  || ',"isSuspended":' || case when count(id) > 0 then 'true' else 'false' end
  || ',"isPermanent":' || case when count(id) > count(ends_at) then 'true' else 'false' end
  || ',"until":' || coalesce('"' || case when count(id) > count(ends_at) then null else
      to_char(max(ends_at) at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end || '"', 'null')
  || ',"sanctions":[' || coalesce(string_agg(item, ',' order by o, ends_at desc, id), '') || ']}}}'
from (select s.id, s.ends_at, s.ends_at is not null as o, '{"id":"' || s.id || '","measure":"'
  || s.measure || '","effect":"IN_FORCE","effectiveAt":"'
  || to_char(s.effective_at at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  || '","expiresAt":' || coalesce('"'
  || to_char(s.expires_at at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', 'null')
  || ',"platform":{"domain":' || to_json(p.domain)::text || ',"name":' || to_json(p.name)::text
  || '}}' as item
from subject_keys k join sanctions s on s.id = k.sanction_id join platforms p
  on p.id = s.platform_id
where k.key = $1 and s.measure in ('ACCOUNT_SUSPENDED','ACCOUNT_TERMINATED','SERVER_SUSPENDED')
  and s.is_binding and s.starts_at <= $2 and (s.ends_at is null or s.ends_at > $2)
  and """
    + _SEEN.format(platform="$3", oldest="$4")
    + ") x",
)

LIST_LIMIT = Limit(
    sqlite="""with p as (select s.id, s.measure, s.category, s.validity, s.issued_at, s.expires_at,
  s.platform_id, row_number() over (order by s.issued_at desc, s.id desc) n
  from sanctions s where s.measure = ?1 order by s.issued_at desc, s.id desc limit 51)
select '{"data":{"sanctions":{"nodes":[' || coalesce(group_concat(
  '{"id":"' || p.id || '","measure":"' || p.measure || '","category":"' || p.category
  || '","validity":"' || p.validity || '","issuedAt":"' || p.issued_at || '","expiresAt":'
  || coalesce('"' || p.expires_at || '"', 'null') || ',"platform":{"domain":'
  || json_quote(f.domain) || ',"name":' || json_quote(f.name) || '},"appeals":{"nodes":['
  || coalesce((select group_concat('{"id":"' || a.id || '","state":"' || a.state || '","outcome":'
  || coalesce('"' || a.outcome || '"', 'null') || '}', ',') from (select * from appeals
  where sanction_id = p.id order by filed_at, id limit 5) a), '') || ']}}', ',')
  filter (where p.n <= 50), '') || '],"pageInfo":{"hasNextPage":'
  || case when max(p.n) > 50 then 'true' else 'false' end || ',"endCursor":"Sanction~'
  || max(case when p.n = 50 then p.issued_at || '~' || p.id end) || '"}}}}'
from p join platforms f on f.id = p.platform_id""",
    postgresql="""with p as (select s.id, s.measure, s.category, s.validity, s.issued_at,
  s.expires_at, s.platform_id, row_number() over (order by s.issued_at desc, s.id desc) n
  from sanctions s where s.measure = $1 order by s.issued_at desc, s.id desc limit 51)
select '{"data":{"sanctions":{"nodes":[' || coalesce(string_agg(
  '{"id":"' || p.id || '","measure":"' || p.measure || '","category":"' || p.category
  || '","validity":"' || p.validity || '","issuedAt":"'
  || to_char(p.issued_at at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","expiresAt":'
  || coalesce('"' || to_char(p.expires_at at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  || '"', 'null') || ',"platform":{"domain":' || to_json(f.domain)::text || ',"name":'
  || to_json(f.name)::text || '},"appeals":{"nodes":[' || coalesce((select string_agg('{"id":"'
  || a.id || '","state":"' || a.state || '","outcome":' || coalesce('"' || a.outcome || '"', 'null')
  || '}', ',' order by a.filed_at, a.id) from (select * from appeals where sanction_id = p.id
  order by filed_at, id limit 5) a), '') || ']}}', ',' order by p.n) filter (where p.n <= 50), '')
  || '],"pageInfo":{"hasNextPage":' || case when max(p.n) > 50 then 'true' else 'false' end
  || ',"endCursor":"Sanction~' || max(case when p.n = 50 then
  to_char(p.issued_at at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '~' || p.id end)
  || '"}}}}' from p join platforms f on f.id = p.platform_id""",
)

# A thousand at once, on PostgreSQL alone: $1 and $5 are lists of keys and subjects.
STATUSES_LIMIT = (
    """select '{"data":{"suspensionStatuses":[' || string_agg('{"subject":' || to_json(u)::text
  || ',"isSuspended":' || case when held > 0 then 'true' else 'false' end
  || ',"isPermanent":' || case when held > ended then 'true' else 'false' end
  || ',"until":' || case when held > ended or held = 0 then 'null' else
      '"' || to_char(latest at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"' end || '}',
  ',' order by n) || ']}}'
from unnest($1::text[], $5::text[]) with ordinality t(key, u, n) cross join lateral (
  select count(*) as held, count(ends_at) as ended, max(ends_at) as latest
  from subject_keys k join sanctions s on s.id = k.sanction_id
  where k.key = t.key
  and s.measure in ('ACCOUNT_SUSPENDED','ACCOUNT_TERMINATED','SERVER_SUSPENDED')
  and s.is_binding and s.starts_at <= $2 and (s.ends_at is null or s.ends_at > $2)
  and """
    + _SEEN.format(platform="$3", oldest="$4")
    + ") x"
)
