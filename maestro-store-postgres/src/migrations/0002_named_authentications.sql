-- Every authentication has a name (requirement M-A4). Names are given by `names.rs`, behind these statements.

-- Which names this step gave, so that it can be taken back.
create table maestro.backfilled_names (
  auth_id uuid not null primary key references maestro.authentications (id) on delete cascade,
  name text collate "C" not null
);
