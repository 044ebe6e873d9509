pragma foreign_keys = off;
pragma application_id = 1297306706;
pragma user_version = 2;

begin;

CREATE TABLE maestro_migrations (
           number integer primary key,
           name text not null,
           applied_at integer not null
         ) strict;
insert into maestro_migrations (number, name, applied_at) values
  (1, 'foundation', 1795252351591000),
  (2, 'named_authentications', 1795252351591000);

CREATE TABLE authentications (
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
insert into authentications (id, provider, auth_type, name, credentials, expires_at, lease_holder, lease_until, revision, inserted_at, updated_at) values
  (x'01a1fd60f26c71b79daff859c6482bf6', 'anthropic', 'api_key', 'work', x'01070707070707070709090909090909090909090909090909090909090909090900ff20736563726574', null, null, null, 1, 1700000000123456, 1700000000123456),
  (x'01a1fd60f26c71b79daff85a5d35a63a', 'openai', 'oauth', 'private', x'01070707070707070709090909090909090909090909090909090909090909090900ff20736563726574', 1700000600123456, x'01a1fd60f26d77ea8c943432a5bdc9f6', 1700000090123456, 3, 1700000000123456, 1700000004123456);

CREATE TABLE items (
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
insert into items (no, id, item_type, name, version, tags, metadata, revision, inserted_at, updated_at) values
  (1, x'01a1fd60f26d77ea8c94343346f73148', 'persona', 'teacher', 3, '{}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', 4, 1700000000123456, 1700000007123456),
  (2, x'01a1fd60f26f7688b5d1c2ce952f6112', 'system_prompt', 'naïve', 1, '{"empty":"","lang":"en"}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', 1, 1700000000123456, 1700000000123456);

CREATE TABLE item_versions (
  item_id blob not null references items (id) on delete cascade,
  version integer not null,
  inserted_at integer not null,
  text text not null,
  primary key (item_id, version)
) strict;
insert into item_versions (item_id, version, inserted_at, text) values
  (x'01a1fd60f26d77ea8c94343346f73148', 1, 1700000000123456, 'You are patient.'),
  (x'01a1fd60f26d77ea8c94343346f73148', 2, 1700000006123456, 'You are strict.'),
  (x'01a1fd60f26d77ea8c94343346f73148', 3, 1700000006123456, 'You are kind.'),
  (x'01a1fd60f26f7688b5d1c2ce952f6112', 1, 1700000000123456, 'Be brief. 東京');

CREATE TABLE item_tags (
  name text not null,
  value text not null,
  item_no integer not null references items (no) on delete cascade,
  primary key (name, value, item_no)
) strict, without rowid;
insert into item_tags (name, value, item_no) values
  ('empty', '', 2),
  ('lang', 'en', 2);

CREATE VIRTUAL TABLE item_words using fts5 (
  words,
  content = '',
  contentless_delete = 1,
  detail = none,
  prefix = '1 2 3',
  tokenize = 'ascii'
);
insert into item_words (rowid, words) values (1, 'are kind teacher you');
insert into item_words (rowid, words) values (2, 'be brief empty en lang naive 京 東');

CREATE TABLE sessions (
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
insert into sessions (no, id, name, auth_id, model_id, root_thread_no, latest_entry_no, last_used_at, revision, inserted_at, updated_at) values
  (1, x'01a1fd60f270734680db2c0da38d5aab', 'talk', x'01a1fd60f26c71b79daff85a5d35a63a', 'm-1', 1, 8589934596, 1700000001123456, 2, 1700000000123456, 1700000008123456);

CREATE TABLE session_maps (
  session_no integer primary key references sessions (no) on delete cascade,
  working_dir text,
  memory text not null, -- these three: JSON objects
  tools text not null,
  mcps text not null
) strict;
insert into session_maps (session_no, working_dir, memory, tools, mcps) values
  (1, '/tmp/é /', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}');

CREATE TABLE session_items (
  session_no integer not null references sessions (no) on delete cascade,
  place integer not null,
  item_id blob not null,
  version integer not null,
  primary key (session_no, place),
  foreign key (item_id, version) references item_versions (item_id, version)
) strict, without rowid;
insert into session_items (session_no, place, item_id, version) values
  (1, 0, x'01a1fd60f26d77ea8c94343346f73148', 1),
  (1, 1, x'01a1fd60f26f7688b5d1c2ce952f6112', 1),
  (1, 2, x'01a1fd60f26d77ea8c94343346f73148', 3),
  (1, 3, x'01a1fd60f26f7688b5d1c2ce952f6112', 1);

CREATE TABLE threads (
  no integer primary key check (no between 1 and 2147483647),
  id blob not null unique check (length(id) = 16),
  session_no integer not null references sessions (no),
  parent_no integer references threads (no),
  fork_turn integer not null,
  label text,
  inserted_at integer not null,
  updated_at integer not null
) strict;
insert into threads (no, id, session_no, parent_no, fork_turn, label, inserted_at, updated_at) values
  (1, x'01a1fd60f270734680db2c0e833f1826', 1, null, 0, null, 1700000000123456, 1700000000123456),
  (2, x'01a1fd60f2737273ac3681b734b0471c', 1, 1, 2, 'another way', 1699999950123456, 1699999950123456),
  (3, x'01a1fd60f27473c1b5f12e2a97fab1ae', 1, 1, 1, null, 1700000002123456, 1700000002123456),
  (4, x'01a1fd60f27473c1b5f12e2b94c18f8b', 1, null, 0, null, 1700000001123456, 1700000001123456),
  (5, x'01a1fd60f2757714bb629fa3458a3bdb', 1, 1, 2, null, 1700000001123456, 1700000001123456);

CREATE TABLE entries (
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
insert into entries (no, id, actor, state, edit_version, writer_holder, writer_until, inserted_at, updated_at, body) values
  (4294967297, x'01a1fd60f27175a590caaa8ee44b45b7', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, '{"parts":[{"type":"text","text":"1"}]}'),
  (4294967298, x'01a1fd60f27277f2ac040eba8eed763d', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, '{"parts":[{"type":"text","text":"2"}]}'),
  (4294967299, x'01a1fd60f27277f2ac040ebb6ca12994', 'assistant', 'complete', 1, null, null, 1700000001123456, 1700000001123456, '{"parts":[{"type":"text","text":"cited","citations":[{"url":"https://example.com","quote":"\"as it stands\"","native":{"api":"anthropic-messages","json":"{ \"b\":1, \"a\":[1.0,2e3] }"}},{"native":{"api":"anthropic-messages","json":"null"}}],"seal":{"api":"gemini","model":"gemini-x","kind":"thought_signature","bytes":"Aa+/=\n\u0000 "},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"text","text":"","cache_hint":"short"},{"type":"image","media":{"source":"bytes","media_type":"image/png","data":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w=="},"detail":"high","seal":{"api":"gemini","model":"gemini-x","kind":"thought_signature","bytes":"Aa+/=\n\u0000 "},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"image","media":{"source":"url","url":"https://example.com/a%20b?c=d&e=%C3%A9#f"},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"document","media":{"source":"bytes","media_type":"application/pdf","data":""},"title":"ü.pdf","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"document","media":{"source":"file_ref","api":"openai-responses","id":"file-1","media_type":"x/y"},"cache_hint":"long"},{"type":"audio","media":{"source":"file_ref","api":"openai-responses","id":"file-1","media_type":"x/y"},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"reasoning","text":"hm","seal":{"api":"gemini","kind":"signature","bytes":"Aa+/=\n\u0000 "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"reasoning","seal":{"api":"gemini","model":"gemini-x","kind":"redacted","bytes":"Aa+/=\n\u0000 "},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"reasoning","seal":{"api":"gemini","model":"gemini-x","kind":"encrypted_content","bytes":"Aa+/=\n\u0000 "}},{"type":"reasoning","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"tool_call","call_id":"call_1","name":"shell","args_raw":"{\"cmd\":\"ls\"}","state":"complete","seal":{"api":"gemini","model":"gemini-x","kind":"thought_signature","bytes":"Aa+/=\n\u0000 "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"tool_call","call_id":"call_1","name":"shell","args_raw":"","state":"incomplete","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"tool_call","call_id":"call_1","name":"shell","args_raw":"{\"cmd\":\"ls\"}","state":"invalid","cache_hint":"short"},{"type":"tool_result","call_id":"call_1","name":"shell","content":[{"type":"text","text":"a\u0000b"},{"type":"image","media":{"source":"bytes","media_type":"image/png","data":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w=="},"detail":"high"},{"type":"document","media":{"source":"url","url":"https://example.com/a%20b?c=d&e=%C3%A9#f"}}],"is_error":true,"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"tool_result","call_id":"call_1","name":"shell","content":[],"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"refusal","text":"no","category":"safety","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"refusal","text":"","cache_hint":"long"},{"type":"opaque","api":"anthropic-messages","json":"{\"type\":\"server_tool_use\",\"n\":12345678901234567890123}","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}}],"origin":{"provider":"openai","auth_type":"oauth","api":"openai-responses","model_asked":"gpt-x","model_served":"gpt-x-2026-01-01","response_id":"resp_\"1\""},"finish":"tool_use","usage":{"input_total":18446744073709551615,"input_cached":18446744073709551614,"input_cache_write":9007199254740992,"output_total":9007199254740993,"output_reasoning":1},"problem":{"kind":"failed","message":"it \"broke\"\n\u0000"},"request_headers":[["content-type","text/event-stream; charset=\"utf-8\""],["x-api-key","[redacted]"],["x-ratelimit-left","1"],["x-ratelimit-left","2"]],"response_headers":[["content-type","text/event-stream; charset=\"utf-8\""],["x-api-key","[redacted]"],["x-ratelimit-left","1"],["x-ratelimit-left","2"]]}'),
  (4294967300, x'01a1fd60f2737273ac3681b6e9ca9cf6', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, '{"parts":[{"type":"text","text":"4"}]}'),
  (8589934595, x'01a1fd60f27473c1b5f12e29b005f283', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, '{"parts":[{"type":"text","text":"3 of the fork"}]}'),
  (8589934596, x'01a1fd60f27773379eede0427f8ed1f5', 'assistant', 'streaming', 1, x'01a1fd60f27773379eede04129c361d9', 1700000100123456, 1700000001123456, 1700000001123456, '{"parts":[]}'),
  (17179869185, x'01a1fd60f27473c1b5f12e2c1ba514ac', 'user', 'complete', 2, null, null, 1700000001123456, 1700000001123456, '{"parts":[{"type":"text","text":"edited"}]}'),
  (21474836483, x'01a1fd60f2757714bb629fa4527910f9', 'user', 'complete', 2, null, null, 1700000001123456, 1700000001123456, '{"parts":[{"type":"text","text":"edited"}]}');

CREATE TABLE journal (
  entry_no integer not null,
  seq integer not null,
  writer_until integer not null,
  data text not null,
  primary key (entry_no, seq)
) strict, without rowid;
insert into journal (entry_no, seq, writer_until, data) values
  (8589934596, 1, 1700000101123456, '{"part":[0,"text"]}
'),
  (8589934596, 2, 1700000102123456, ''),
  (8589934596, 3, 1700000103123456, '{"t":[0,"half\u0000"]}
');

CREATE TABLE chunk_marks (
  thread_no integer not null references threads (no),
  entry_no integer not null,
  part integer not null,
  state text not null check (state in ('included', 'excluded')),
  marked_at integer not null,
  primary key (thread_no, entry_no, part)
) strict, without rowid;
insert into chunk_marks (thread_no, entry_no, part, state, marked_at) values
  (1, 4294967297, 0, 'excluded', 1700000070123456),
  (1, 4294967299, 3, 'excluded', 1700000070123456),
  (2, 4294967297, 0, 'included', 1700000070123456);

CREATE TABLE backfilled_names (
  auth_id blob not null primary key references authentications (id) on delete cascade,
  name text not null
) strict;

CREATE INDEX authentications_by_name on authentications (name, id);

CREATE INDEX authentications_due on authentications (expires_at, id) where auth_type = 'oauth';

CREATE INDEX items_by_name on items (name, id);

CREATE INDEX items_by_update on items (updated_at, id);

CREATE INDEX items_by_insert on items (inserted_at, id);

CREATE INDEX item_tags_by_item on item_tags (item_no);

CREATE INDEX sessions_by_use on sessions (last_used_at, id);

CREATE INDEX sessions_by_auth on sessions (auth_id, last_used_at, id) where auth_id is not null;

CREATE INDEX sessions_by_name on sessions (name);

CREATE INDEX session_items_by_item on session_items (item_id, version);

CREATE INDEX threads_by_session on threads (session_no, inserted_at, id);

CREATE INDEX threads_by_parent on threads (parent_no, fork_turn) where parent_no is not null;

CREATE INDEX entries_streaming on entries (no) where state = 'streaming';

commit;
