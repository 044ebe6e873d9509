-- Every table of the three contexts.
--
-- Ids are UUIDs as 16 bytes, times are whole microseconds since 1970 (UTC). Rows that are written often have an
-- integer `no` besides, because a b-tree that is sorted by it stays small and clustered.

create table authentications (
  id blob not null primary key check (length(id) = 16),
  provider text not null,
  auth_type text not null check (auth_type in ('oauth', 'api_key')),
  name text, -- null in rows from before there were names
  credentials blob not null, -- sealed: version, key id, nonce, ciphertext
  expires_at integer,
  lease_holder blob,
  lease_until integer,
  revision integer not null,
  inserted_at integer not null,
  updated_at integer not null,
  unique (provider, auth_type, name)
) strict;

create index authentications_by_name on authentications (name, id);
create index authentications_due on authentications (expires_at, id) where auth_type = 'oauth';

create table items (
  no integer primary key, -- the rowid in item_words
  id blob not null unique check (length(id) = 16),
  item_type text not null check (item_type in ('persona', 'system_prompt')),
  name text not null,
  version integer not null, -- of the present text
  tags text not null, -- a JSON object
  metadata text not null, -- a JSON object
  revision integer not null,
  inserted_at integer not null,
  updated_at integer not null,
  unique (item_type, name)
) strict;

create index items_by_name on items (name, id);
create index items_by_update on items (updated_at, id);
create index items_by_insert on items (inserted_at, id);

-- Every text that an item has had, the present one included.
create table item_versions (
  item_id blob not null references items (id) on delete cascade,
  version integer not null,
  inserted_at integer not null,
  text text not null,
  primary key (item_id, version)
) strict;

create table item_tags (
  name text not null,
  value text not null,
  item_no integer not null references items (no) on delete cascade,
  primary key (name, value, item_no)
) strict, without rowid;

create index item_tags_by_item on item_tags (item_no);

-- The folded words of each item; core folds and splits them, so the tokenizer only has to split at spaces.
create virtual table item_words using fts5 (
  words,
  content = '',
  contentless_delete = 1,
  detail = none,
  prefix = '1 2 3',
  tokenize = 'ascii'
);

-- Narrow, because every append writes its row; what is wide is in session_maps.
create table sessions (
  no integer primary key,
  id blob not null unique check (length(id) = 16),
  name text not null,
  auth_id blob references authentications (id) on delete set null,
  model_id text,
  root_thread_no integer not null,
  latest_entry_no integer,
  last_used_at integer not null,
  revision integer not null,
  inserted_at integer not null,
  updated_at integer not null
) strict;

create index sessions_by_use on sessions (last_used_at, id);
create index sessions_by_auth on sessions (auth_id, last_used_at, id) where auth_id is not null;
create index sessions_by_name on sessions (name);

create table session_maps (
  session_no integer primary key references sessions (no) on delete cascade,
  working_dir text,
  memory text not null, -- these three: JSON objects
  tools text not null,
  mcps text not null
) strict;

-- The persona of a session at place 0, its system prompts in order from 1.
create table session_items (
  session_no integer not null references sessions (no) on delete cascade,
  place integer not null,
  item_id blob not null,
  version integer not null,
  primary key (session_no, place),
  foreign key (item_id, version) references item_versions (item_id, version)
) strict, without rowid;

create index session_items_by_item on session_items (item_id, version);

-- A thread goes on from turn `fork_turn` of `parent_no`, which owns that entry; from nothing when that is null.
create table threads (
  no integer primary key check (no between 1 and 2147483647),
  id blob not null unique check (length(id) = 16),
  session_no integer not null references sessions (no),
  parent_no integer references threads (no),
  fork_turn integer not null,
  label text,
  inserted_at integer not null,
  updated_at integer not null
) strict;

create index threads_by_session on threads (session_no, inserted_at, id);
create index threads_by_parent on threads (parent_no, fork_turn) where parent_no is not null;

-- `no` is thread_no << 32 | turn_index: a thread's entries lie side by side in order, and the last of them is its
-- head, which therefore is written down nowhere else.
create table entries (
  no integer primary key,
  id blob not null unique check (length(id) = 16),
  actor text not null check (actor in ('system', 'user', 'assistant', 'tool')),
  state text not null check (state in ('streaming', 'complete', 'interrupted', 'cancelled', 'failed')),
  edit_version integer not null,
  writer_holder blob, -- while it is streaming
  writer_until integer, -- at its beginning; each chunk of the journal renews it
  inserted_at integer not null,
  updated_at integer not null,
  body text not null, -- a JSON object: parts, origin, finish, usage, problem, headers
  provider text generated always as (json_extract(body, '$.origin.provider')) virtual,
  check ((state = 'streaming') = (writer_holder is not null)),
  check ((state = 'streaming') = (writer_until is not null))
) strict;

create index entries_streaming on entries (no) where state = 'streaming';

-- What has arrived of the entries that are streaming.
create table journal (
  entry_no integer not null,
  seq integer not null,
  writer_until integer not null,
  data text not null,
  primary key (entry_no, seq)
) strict, without rowid;

create table chunk_marks (
  thread_no integer not null references threads (no),
  entry_no integer not null,
  part integer not null,
  state text not null check (state in ('included', 'excluded')),
  marked_at integer not null,
  primary key (thread_no, entry_no, part)
) strict, without rowid;
