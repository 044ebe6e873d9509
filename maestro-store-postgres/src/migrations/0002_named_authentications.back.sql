alter table maestro.authentications alter column name drop not null;

-- The names that the step gave and that nobody has changed since.
update maestro.authentications a
set name = null
from maestro.backfilled_names b
where b.auth_id = a.id
  and b.name = a.name;

drop table maestro.backfilled_names;
