-- Every authentication has a name (requirement M-A4). The column stays nullable: SQLite can forbid null only by making
-- the table anew, under the feet of all that refers to it. `check.rs` has the rule instead.

-- Which names this step gave, so that it can be taken back.
create table backfilled_names (
  auth_id blob not null primary key references authentications (id) on delete cascade,
  name text not null
) strict;
