-- Every table of the three contexts.
--
-- Ids are UUIDs, times are whole microseconds since 1970 (UTC), because a calendar type does not reach both ends of 64
-- bits. Every number is a bigint. JSON is kept as text: jsonb refuses \u0000 and does not keep numbers to the digit. Names
-- are sorted by their bytes, whatever the database sorts by. A `no` is a number within this schema, for joins and for
-- order on the disk.

create table maestro.authentications (
  id uuid not null primary key,
  provider text collate "C" not null,
  auth_type text collate "C" not null check (auth_type in ('oauth', 'api_key')),
  name text collate "C", -- null in rows from before there were names
  credentials bytea not null, -- sealed: version, key id, nonce, ciphertext
  expires_at bigint,
  lease_holder uuid,
  lease_until bigint,
  revision bigint not null,
  inserted_at bigint not null,
  updated_at bigint not null,
  unique (provider, auth_type, name)
);

create index authentications_by_name on maestro.authentications (name, id);
create index authentications_due on maestro.authentications (expires_at, id) where auth_type = 'oauth';

create table maestro.items (
  no bigint generated always as identity primary key,
  id uuid not null unique,
  item_type text collate "C" not null check (item_type in ('persona', 'system_prompt')),
  name text collate "C" not null,
  version bigint not null, -- of the present text
  tags text not null, -- a JSON object
  metadata text not null, -- a JSON object
  revision bigint not null,
  inserted_at bigint not null,
  updated_at bigint not null,
  unique (item_type, name)
);

create index items_by_name on maestro.items (name, id);
create index items_by_update on maestro.items (updated_at, id);
create index items_by_insert on maestro.items (inserted_at, id);

-- Every text that an item has had, the present one included.
create table maestro.item_versions (
  item_id uuid not null references maestro.items (id) on delete cascade,
  version bigint not null,
  inserted_at bigint not null,
  text text not null,
  primary key (item_id, version)
);

create table maestro.item_tags (
  name text collate "C" not null,
  value text collate "C" not null,
  item_no bigint not null references maestro.items (no) on delete cascade,
  primary key (name, value, item_no)
);

create index item_tags_by_item on maestro.item_tags (item_no);

-- The folded words of each item; core folds and splits them, so no dictionary is asked. Nearly always an item has one
-- row; a tsvector holds less than a mebibyte, and the words of the longest texts can be more.
create table maestro.item_words (
  item_no bigint not null references maestro.items (no) on delete cascade,
  part bigint not null,
  words tsvector not null,
  primary key (item_no, part)
);

create index item_words_by_word on maestro.item_words using gin (words);

-- Narrow, because every append writes its row; what is wide is in session_maps.
create table maestro.sessions (
  no bigint generated always as identity primary key,
  id uuid not null unique,
  name text collate "C" not null,
  auth_id uuid references maestro.authentications (id) on delete set null,
  model_id text,
  root_thread_id uuid not null,
  latest_entry_id uuid,
  last_used_at bigint not null,
  revision bigint not null,
  inserted_at bigint not null,
  updated_at bigint not null
) with (fillfactor = 80);

create index sessions_by_use on maestro.sessions (last_used_at, id);
create index sessions_by_auth on maestro.sessions (auth_id, last_used_at, id) where auth_id is not null;
create index sessions_by_name on maestro.sessions (name);

create table maestro.session_maps (
  session_no bigint not null primary key references maestro.sessions (no) on delete cascade,
  working_dir text,
  memory text not null, -- these three: JSON objects
  tools text not null,
  mcps text not null
);

-- The persona of a session at place 0, its system prompts in order from 1.
create table maestro.session_items (
  session_no bigint not null references maestro.sessions (no) on delete cascade,
  place bigint not null,
  item_id uuid not null,
  version bigint not null,
  primary key (session_no, place),
  foreign key (item_id, version) references maestro.item_versions (item_id, version)
);

create index session_items_by_item on maestro.session_items (item_id, version);

-- A thread goes on from turn `fork_turn` of `parent_no`, which owns that entry; from nothing when that is null. Its head is
-- written down here, unlike on SQLite, so that an append is decided by this one row.
create table maestro.threads (
  no bigint generated always as identity primary key,
  id uuid not null unique,
  session_no bigint not null references maestro.sessions (no),
  parent_no bigint references maestro.threads (no),
  fork_turn bigint not null,
  fork_entry_id uuid,
  label text,
  head_turn bigint not null,
  head_entry_id uuid,
  head_streaming boolean not null default false,
  inserted_at bigint not null,
  updated_at bigint not null,
  check ((parent_no is null) = (fork_entry_id is null)),
  check (parent_no is not null or fork_turn = 0),
  check (head_turn >= fork_turn)
) with (fillfactor = 80);

create index threads_by_session on maestro.threads (session_no, inserted_at, id);
create index threads_by_parent on maestro.threads (parent_no, fork_turn) where parent_no is not null;

create table maestro.entries (
  thread_no bigint not null,
  turn_index bigint not null,
  id uuid not null unique,
  actor text not null check (actor in ('system', 'user', 'assistant', 'tool')),
  state text not null check (state in ('streaming', 'complete', 'interrupted', 'cancelled', 'failed')),
  edit_version bigint not null,
  writer_holder uuid, -- while it is streaming
  writer_until bigint, -- at its beginning; each chunk of the journal renews it
  inserted_at bigint not null,
  updated_at bigint not null,
  provider text, -- of the body's origin
  body text not null, -- a JSON object: parts, origin, finish, usage, problem, headers
  primary key (thread_no, turn_index),
  check ((state = 'streaming') = (writer_holder is not null)),
  check ((state = 'streaming') = (writer_until is not null))
);

create index entries_streaming on maestro.entries (id) where state = 'streaming';

-- What has arrived of the entries that are streaming. Bytes, because a text cannot hold a NUL.
create table maestro.journal (
  entry_id uuid not null,
  seq bigint not null,
  writer_until bigint not null,
  data bytea not null,
  primary key (entry_id, seq)
);

create table maestro.chunk_marks (
  thread_no bigint not null references maestro.threads (no),
  entry_id uuid not null,
  part bigint not null,
  state text not null check (state in ('included', 'excluded')),
  marked_at bigint not null,
  primary key (thread_no, entry_id, part)
);
