-- The names that the step gave and that nobody has changed since.
update authentications
set name = null
where name = (select b.name from backfilled_names b where b.auth_id = authentications.id);

drop table backfilled_names;
