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
