-- What PostGraphile follows from a subject's key to its sanction, which no constraint says.
comment on table subject_keys is '@foreignKey (sanction_id) references sanctions (id)';
-- What a PostGraphile project writes in SQL: the suspensions in force, by the key of a subject.
create function suspensions(key text) returns setof sanctions language sql stable as $$
  select s.* from subject_keys k join sanctions s on s.id = k.sanction_id
  where k.key = suspensions.key
  and s.measure in ('ACCOUNT_SUSPENDED', 'ACCOUNT_TERMINATED', 'SERVER_SUSPENDED')
  and s.is_binding and s.starts_at <= now() and (s.ends_at is null or s.ends_at > now())
  order by s.ends_at is not null, s.ends_at desc, s.id
$$;
create function suspended(keys text[]) returns setof subject_keys language sql stable as $$
  select k.* from subject_keys k join sanctions s on s.id = k.sanction_id
  where k.key = any(suspended.keys)
  and s.measure in ('ACCOUNT_SUSPENDED', 'ACCOUNT_TERMINATED', 'SERVER_SUSPENDED')
  and s.is_binding and s.starts_at <= now() and (s.ends_at is null or s.ends_at > now())
$$;
-- A batch as it comes: no rule is checked, and nothing is logged.
create function issue_batch(platform_id text, batch jsonb) returns text[] language sql volatile as $$
  with given as materialized (
    select 'san_' || replace(gen_random_uuid()::text, '-', '') as id, now() as at, g.*
    from rows from (jsonb_to_recordset(batch) as (
      "issuerReference" text, subject text, "subjectKey" text, measure text, ground text,
      "groundReference" text, category text, reason text, "isAutomatedDetection" boolean,
      automation text, source text, "conductFrom" timestamptz, "expiresAt" timestamptz
    )) with ordinality g(
      reference, subject, key, measure, ground, ground_reference, category, reason, is_automated,
      automation, source, conduct_from, expires_at, place
    )
  ), issued as (
    insert into sanctions (
      id, platform_id, reference_key, measure, ground, category, keywords, expires_at, conduct_from,
      is_automated_detection, automation, source, content_type, territorial_scope, audience,
      subject_kind, issued_at, effective_at, time_precision, validity, policy_conflicts,
      recorded_at, is_binding, starts_at, ends_at, end_reason, reduced_after_end,
      secret_generation, lasts
    ) select
      id, issue_batch.platform_id, reference, measure, ground, category, '[]', expires_at,
      conduct_from, is_automated, automation, source, '[]', '[]', 'PARTNERS', 'ACCOUNT', at, at,
      'INSTANT', 'STANDING', '[]', at, true, at, expires_at, 'EXPIRED', false, 0,
      extract(epoch from expires_at - at) * 1000000
    from given
  ), disclosed as (
    insert into disclosures (
      sanction_id, seed, subject, issuer_reference, ground_reference, reason
    ) select
      id, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), subject, reference,
      ground_reference, reason
    from given
  ), keyed as (
    insert into subject_keys (key, sanction_id) select key, id from given
  ), told as (
    insert into events (
      type, occurred_at, recorded_at, platform_id, sanction_id, validity, expires_at, starts_at,
      ends_at, end_reason
    ) select
      'SANCTION_ISSUED', at, at, issue_batch.platform_id, id, 'STANDING', expires_at, at,
      expires_at, 'EXPIRED'
    from given order by place
  )
  select array_agg(id order by place) from given
$$;
-- Who writes the feed without its rules takes its places from the sequence.
select setval('events_position_seq', max(position)) from events;
