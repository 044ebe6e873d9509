create table maestro.maestro_migrations (
  number bigint not null,
  name text not null,
  applied_at bigint not null
);
insert into maestro.maestro_migrations (number, name, applied_at) values
  (1, 'foundation', 1795255698753384),
  (2, 'named_authentications', 1795255698761706);

create table maestro.authentications (
  id uuid not null,
  provider text collate "C" not null,
  auth_type text collate "C" not null,
  name text collate "C" not null,
  credentials bytea not null,
  expires_at bigint,
  lease_holder uuid,
  lease_until bigint,
  revision bigint not null,
  inserted_at bigint not null,
  updated_at bigint not null
);
insert into maestro.authentications (id, provider, auth_type, name, credentials, expires_at, lease_holder, lease_until, revision, inserted_at, updated_at) values
  ('01a1fd60-f26c-71b7-9daf-f859c6482bf6', 'anthropic', 'api_key', 'work', '\x01070707070707070709090909090909090909090909090909090909090909090900ff20736563726574', null, null, null, 1, 1700000000123456, 1700000000123456),
  ('01a1fd60-f26c-71b7-9daf-f85a5d35a63a', 'openai', 'oauth', 'private', '\x01070707070707070709090909090909090909090909090909090909090909090900ff20736563726574', 1700000600123456, '01a1fd60-f26d-77ea-8c94-3432a5bdc9f6', 1700000090123456, 3, 1700000000123456, 1700000004123456);

create table maestro.backfilled_names (
  auth_id uuid not null,
  name text collate "C" not null
);

create table maestro.chunk_marks (
  thread_no bigint not null,
  entry_id uuid not null,
  part bigint not null,
  state text not null,
  marked_at bigint not null
);
insert into maestro.chunk_marks (thread_no, entry_id, part, state, marked_at) values
  (1, '01a1fd60-f271-75a5-90ca-aa8ee44b45b7', 0, 'excluded', 1700000070123456),
  (1, '01a1fd60-f272-77f2-ac04-0ebb6ca12994', 3, 'excluded', 1700000070123456),
  (4, '01a1fd60-f271-75a5-90ca-aa8ee44b45b7', 0, 'included', 1700000070123456);

create table maestro.entries (
  thread_no bigint not null,
  turn_index bigint not null,
  id uuid not null,
  actor text not null,
  state text not null,
  edit_version bigint not null,
  writer_holder uuid,
  writer_until bigint,
  inserted_at bigint not null,
  updated_at bigint not null,
  provider text,
  body text not null
);
insert into maestro.entries (thread_no, turn_index, id, actor, state, edit_version, writer_holder, writer_until, inserted_at, updated_at, provider, body) values
  (1, 1, '01a1fd60-f271-75a5-90ca-aa8ee44b45b7', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, null, '{"parts":[{"type":"text","text":"1"}]}'),
  (1, 2, '01a1fd60-f272-77f2-ac04-0eba8eed763d', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, null, '{"parts":[{"type":"text","text":"2"}]}'),
  (1, 3, '01a1fd60-f272-77f2-ac04-0ebb6ca12994', 'assistant', 'complete', 1, null, null, 1700000001123456, 1700000001123456, 'openai', '{"parts":[{"type":"text","text":"cited","citations":[{"url":"https://example.com","quote":"\"as it stands\"","native":{"api":"anthropic-messages","json":"{ \"b\":1, \"a\":[1.0,2e3] }"}},{"native":{"api":"anthropic-messages","json":"null"}}],"seal":{"api":"gemini","model":"gemini-x","kind":"thought_signature","bytes":"Aa+/=\n\u0000 "},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"text","text":"","cache_hint":"short"},{"type":"image","media":{"source":"bytes","media_type":"image/png","data":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w=="},"detail":"high","seal":{"api":"gemini","model":"gemini-x","kind":"thought_signature","bytes":"Aa+/=\n\u0000 "},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"image","media":{"source":"url","url":"https://example.com/a%20b?c=d&e=%C3%A9#f"},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"document","media":{"source":"bytes","media_type":"application/pdf","data":""},"title":"ü.pdf","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"document","media":{"source":"file_ref","api":"openai-responses","id":"file-1","media_type":"x/y"},"cache_hint":"long"},{"type":"audio","media":{"source":"file_ref","api":"openai-responses","id":"file-1","media_type":"x/y"},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"reasoning","text":"hm","seal":{"api":"gemini","kind":"signature","bytes":"Aa+/=\n\u0000 "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"reasoning","seal":{"api":"gemini","model":"gemini-x","kind":"redacted","bytes":"Aa+/=\n\u0000 "},"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"reasoning","seal":{"api":"gemini","model":"gemini-x","kind":"encrypted_content","bytes":"Aa+/=\n\u0000 "}},{"type":"reasoning","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"tool_call","call_id":"call_1","name":"shell","args_raw":"{\"cmd\":\"ls\"}","state":"complete","seal":{"api":"gemini","model":"gemini-x","kind":"thought_signature","bytes":"Aa+/=\n\u0000 "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"tool_call","call_id":"call_1","name":"shell","args_raw":"","state":"incomplete","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"tool_call","call_id":"call_1","name":"shell","args_raw":"{\"cmd\":\"ls\"}","state":"invalid","cache_hint":"short"},{"type":"tool_result","call_id":"call_1","name":"shell","content":[{"type":"text","text":"a\u0000b"},{"type":"image","media":{"source":"bytes","media_type":"image/png","data":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w=="},"detail":"high"},{"type":"document","media":{"source":"url","url":"https://example.com/a%20b?c=d&e=%C3%A9#f"}}],"is_error":true,"native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"long","intent":{"purpose":"maintenance","scope":"/tmp/é","risk_level":"high"}},{"type":"tool_result","call_id":"call_1","name":"shell","content":[],"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}},{"type":"refusal","text":"no","category":"safety","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"cache_hint":"short","intent":{"purpose":"best_practice","scope":"/tmp/é","risk_level":"medium"}},{"type":"refusal","text":"","cache_hint":"long"},{"type":"opaque","api":"anthropic-messages","json":"{\"type\":\"server_tool_use\",\"n\":12345678901234567890123}","native":{"api":"anthropic-messages","json":" {\"raw\" :\t[ 1.50 ] } "},"intent":{"purpose":"test_pass","scope":"/tmp/é","risk_level":"low"}}],"origin":{"provider":"openai","auth_type":"oauth","api":"openai-responses","model_asked":"gpt-x","model_served":"gpt-x-2026-01-01","response_id":"resp_\"1\""},"finish":"tool_use","usage":{"input_total":18446744073709551615,"input_cached":18446744073709551614,"input_cache_write":9007199254740992,"output_total":9007199254740993,"output_reasoning":1},"problem":{"kind":"failed","message":"it \"broke\"\n\u0000"},"request_headers":[["content-type","text/event-stream; charset=\"utf-8\""],["x-api-key","[redacted]"],["x-ratelimit-left","1"],["x-ratelimit-left","2"]],"response_headers":[["content-type","text/event-stream; charset=\"utf-8\""],["x-api-key","[redacted]"],["x-ratelimit-left","1"],["x-ratelimit-left","2"]]}'),
  (1, 4, '01a1fd60-f273-7273-ac36-81b6e9ca9cf6', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, null, '{"parts":[{"type":"text","text":"4"}]}'),
  (3, 1, '01a1fd60-f274-73c1-b5f1-2e2c1ba514ac', 'user', 'complete', 2, null, null, 1700000001123456, 1700000001123456, null, '{"parts":[{"type":"text","text":"edited"}]}'),
  (4, 3, '01a1fd60-f274-73c1-b5f1-2e29b005f283', 'user', 'complete', 1, null, null, 1700000001123456, 1700000001123456, null, '{"parts":[{"type":"text","text":"3 of the fork"}]}'),
  (4, 4, '01a1fd60-f277-7337-9eed-e0427f8ed1f5', 'assistant', 'streaming', 1, '01a1fd60-f277-7337-9eed-e04129c361d9', 1700000103123456, 1700000001123456, 1700000001123456, null, '{"parts":[]}'),
  (5, 3, '01a1fd60-f275-7714-bb62-9fa4527910f9', 'user', 'complete', 2, null, null, 1700000001123456, 1700000001123456, null, '{"parts":[{"type":"text","text":"edited"}]}');

create table maestro.item_tags (
  name text collate "C" not null,
  value text collate "C" not null,
  item_no bigint not null
);
insert into maestro.item_tags (name, value, item_no) values
  ('empty', '', 2),
  ('lang', 'en', 2);

create table maestro.item_versions (
  item_id uuid not null,
  version bigint not null,
  inserted_at bigint not null,
  text text not null
);
insert into maestro.item_versions (item_id, version, inserted_at, text) values
  ('01a1fd60-f26d-77ea-8c94-343346f73148', 1, 1700000000123456, 'You are patient.'),
  ('01a1fd60-f26d-77ea-8c94-343346f73148', 2, 1700000006123456, 'You are strict.'),
  ('01a1fd60-f26d-77ea-8c94-343346f73148', 3, 1700000006123456, 'You are kind.'),
  ('01a1fd60-f26f-7688-b5d1-c2ce952f6112', 1, 1700000000123456, 'Be brief. 東京');

create table maestro.item_words (
  item_no bigint not null,
  part bigint not null,
  words tsvector not null
);
insert into maestro.item_words (item_no, part, words) values
  (1, 0, '''are'' ''kind'' ''teacher'' ''you'''),
  (2, 0, '''be'' ''brief'' ''empty'' ''en'' ''lang'' ''naive'' ''京'' ''東''');

create table maestro.items (
  no bigint not null generated always as identity,
  id uuid not null,
  item_type text collate "C" not null,
  name text collate "C" not null,
  version bigint not null,
  tags text not null,
  metadata text not null,
  revision bigint not null,
  inserted_at bigint not null,
  updated_at bigint not null
);
insert into maestro.items (no, id, item_type, name, version, tags, metadata, revision, inserted_at, updated_at) overriding system value values
  (1, '01a1fd60-f26d-77ea-8c94-343346f73148', 'persona', 'teacher', 3, '{}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', 4, 1700000000123456, 1700000007123456),
  (2, '01a1fd60-f26f-7688-b5d1-c2ce952f6112', 'system_prompt', 'naïve', 1, '{"empty":"","lang":"en"}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', 1, 1700000000123456, 1700000000123456);
alter table maestro.items alter column no restart with 3;

create table maestro.journal (
  entry_id uuid not null,
  seq bigint not null,
  writer_until bigint not null,
  data bytea not null
);
insert into maestro.journal (entry_id, seq, writer_until, data) values
  ('01a1fd60-f277-7337-9eed-e0427f8ed1f5', 1, 1700000103123456, '\x7b2270617274223a5b302c2274657874225d7d0a'),
  ('01a1fd60-f277-7337-9eed-e0427f8ed1f5', 2, 1700000103123456, '\x'),
  ('01a1fd60-f277-7337-9eed-e0427f8ed1f5', 3, 1700000103123456, '\x7b2274223a5b302c2268616c665c7530303030225d7d0a');

create table maestro.session_items (
  session_no bigint not null,
  place bigint not null,
  item_id uuid not null,
  version bigint not null
);
insert into maestro.session_items (session_no, place, item_id, version) values
  (1, 0, '01a1fd60-f26d-77ea-8c94-343346f73148', 1),
  (1, 1, '01a1fd60-f26f-7688-b5d1-c2ce952f6112', 1),
  (1, 2, '01a1fd60-f26d-77ea-8c94-343346f73148', 3),
  (1, 3, '01a1fd60-f26f-7688-b5d1-c2ce952f6112', 1);

create table maestro.session_maps (
  session_no bigint not null,
  working_dir text,
  memory text not null,
  tools text not null,
  mcps text not null
);
insert into maestro.session_maps (session_no, working_dir, memory, tools, mcps) values
  (1, '/tmp/é /', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}', '{"a":{"":{},"\u0000":"\u0000￿"},"m":9007199254740993,"z":[18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,5e-324,null,true]}');

create table maestro.sessions (
  no bigint not null generated always as identity,
  id uuid not null,
  name text collate "C" not null,
  auth_id uuid,
  model_id text,
  root_thread_id uuid not null,
  latest_entry_id uuid,
  last_used_at bigint not null,
  revision bigint not null,
  inserted_at bigint not null,
  updated_at bigint not null
) with (fillfactor=80);
insert into maestro.sessions (no, id, name, auth_id, model_id, root_thread_id, latest_entry_id, last_used_at, revision, inserted_at, updated_at) overriding system value values
  (1, '01a1fd60-f270-7346-80db-2c0da38d5aab', 'talk', '01a1fd60-f26c-71b7-9daf-f85a5d35a63a', 'm-1', '01a1fd60-f270-7346-80db-2c0e833f1826', '01a1fd60-f277-7337-9eed-e0427f8ed1f5', 1700000001123456, 2, 1700000000123456, 1700000008123456);
alter table maestro.sessions alter column no restart with 2;

create table maestro.threads (
  no bigint not null generated always as identity,
  id uuid not null,
  session_no bigint not null,
  parent_no bigint,
  fork_turn bigint not null,
  fork_entry_id uuid,
  label text,
  head_turn bigint not null,
  head_entry_id uuid,
  head_streaming boolean not null default false,
  inserted_at bigint not null,
  updated_at bigint not null
) with (fillfactor=80);
insert into maestro.threads (no, id, session_no, parent_no, fork_turn, fork_entry_id, label, head_turn, head_entry_id, head_streaming, inserted_at, updated_at) overriding system value values
  (1, '01a1fd60-f270-7346-80db-2c0e833f1826', 1, null, 0, null, null, 4, '01a1fd60-f273-7273-ac36-81b6e9ca9cf6', false, 1700000000123456, 1700000000123456),
  (3, '01a1fd60-f274-73c1-b5f1-2e2b94c18f8b', 1, null, 0, null, null, 1, '01a1fd60-f274-73c1-b5f1-2e2c1ba514ac', false, 1700000001123456, 1700000001123456),
  (4, '01a1fd60-f273-7273-ac36-81b734b0471c', 1, 1, 2, '01a1fd60-f272-77f2-ac04-0eba8eed763d', 'another way', 4, '01a1fd60-f277-7337-9eed-e0427f8ed1f5', true, 1699999950123456, 1699999950123456),
  (5, '01a1fd60-f275-7714-bb62-9fa3458a3bdb', 1, 1, 2, '01a1fd60-f272-77f2-ac04-0eba8eed763d', null, 3, '01a1fd60-f275-7714-bb62-9fa4527910f9', false, 1700000001123456, 1700000001123456),
  (6, '01a1fd60-f274-73c1-b5f1-2e2a97fab1ae', 1, 1, 1, '01a1fd60-f271-75a5-90ca-aa8ee44b45b7', null, 1, '01a1fd60-f271-75a5-90ca-aa8ee44b45b7', false, 1700000002123456, 1700000002123456);
alter table maestro.threads alter column no restart with 7;

alter table maestro.authentications add constraint authentications_pkey PRIMARY KEY (id);
alter table maestro.backfilled_names add constraint backfilled_names_pkey PRIMARY KEY (auth_id);
alter table maestro.chunk_marks add constraint chunk_marks_pkey PRIMARY KEY (thread_no, entry_id, part);
alter table maestro.entries add constraint entries_pkey PRIMARY KEY (thread_no, turn_index);
alter table maestro.item_tags add constraint item_tags_pkey PRIMARY KEY (name, value, item_no);
alter table maestro.item_versions add constraint item_versions_pkey PRIMARY KEY (item_id, version);
alter table maestro.item_words add constraint item_words_pkey PRIMARY KEY (item_no, part);
alter table maestro.items add constraint items_pkey PRIMARY KEY (no);
alter table maestro.journal add constraint journal_pkey PRIMARY KEY (entry_id, seq);
alter table maestro.maestro_migrations add constraint maestro_migrations_pkey PRIMARY KEY (number);
alter table maestro.session_items add constraint session_items_pkey PRIMARY KEY (session_no, place);
alter table maestro.session_maps add constraint session_maps_pkey PRIMARY KEY (session_no);
alter table maestro.sessions add constraint sessions_pkey PRIMARY KEY (no);
alter table maestro.threads add constraint threads_pkey PRIMARY KEY (no);
alter table maestro.authentications add constraint authentications_provider_auth_type_name_key UNIQUE (provider, auth_type, name);
alter table maestro.entries add constraint entries_id_key UNIQUE (id);
alter table maestro.items add constraint items_id_key UNIQUE (id);
alter table maestro.items add constraint items_item_type_name_key UNIQUE (item_type, name);
alter table maestro.sessions add constraint sessions_id_key UNIQUE (id);
alter table maestro.threads add constraint threads_id_key UNIQUE (id);
alter table maestro.authentications add constraint authentications_auth_type_check CHECK ((auth_type = ANY (ARRAY['oauth'::text, 'api_key'::text])));
alter table maestro.chunk_marks add constraint chunk_marks_state_check CHECK ((state = ANY (ARRAY['included'::text, 'excluded'::text])));
alter table maestro.entries add constraint entries_actor_check CHECK ((actor = ANY (ARRAY['system'::text, 'user'::text, 'assistant'::text, 'tool'::text])));
alter table maestro.entries add constraint entries_check CHECK (((state = 'streaming'::text) = (writer_holder IS NOT NULL)));
alter table maestro.entries add constraint entries_check1 CHECK (((state = 'streaming'::text) = (writer_until IS NOT NULL)));
alter table maestro.entries add constraint entries_state_check CHECK ((state = ANY (ARRAY['streaming'::text, 'complete'::text, 'interrupted'::text, 'cancelled'::text, 'failed'::text])));
alter table maestro.items add constraint items_item_type_check CHECK ((item_type = ANY (ARRAY['persona'::text, 'system_prompt'::text])));
alter table maestro.threads add constraint threads_check CHECK (((parent_no IS NULL) = (fork_entry_id IS NULL)));
alter table maestro.threads add constraint threads_check1 CHECK (((parent_no IS NOT NULL) OR (fork_turn = 0)));
alter table maestro.threads add constraint threads_check2 CHECK ((head_turn >= fork_turn));
alter table maestro.backfilled_names add constraint backfilled_names_auth_id_fkey FOREIGN KEY (auth_id) REFERENCES maestro.authentications(id) ON DELETE CASCADE;
alter table maestro.chunk_marks add constraint chunk_marks_thread_no_fkey FOREIGN KEY (thread_no) REFERENCES maestro.threads(no);
alter table maestro.item_tags add constraint item_tags_item_no_fkey FOREIGN KEY (item_no) REFERENCES maestro.items(no) ON DELETE CASCADE;
alter table maestro.item_versions add constraint item_versions_item_id_fkey FOREIGN KEY (item_id) REFERENCES maestro.items(id) ON DELETE CASCADE;
alter table maestro.item_words add constraint item_words_item_no_fkey FOREIGN KEY (item_no) REFERENCES maestro.items(no) ON DELETE CASCADE;
alter table maestro.session_items add constraint session_items_item_id_version_fkey FOREIGN KEY (item_id, version) REFERENCES maestro.item_versions(item_id, version);
alter table maestro.session_items add constraint session_items_session_no_fkey FOREIGN KEY (session_no) REFERENCES maestro.sessions(no) ON DELETE CASCADE;
alter table maestro.session_maps add constraint session_maps_session_no_fkey FOREIGN KEY (session_no) REFERENCES maestro.sessions(no) ON DELETE CASCADE;
alter table maestro.sessions add constraint sessions_auth_id_fkey FOREIGN KEY (auth_id) REFERENCES maestro.authentications(id) ON DELETE SET NULL;
alter table maestro.threads add constraint threads_parent_no_fkey FOREIGN KEY (parent_no) REFERENCES maestro.threads(no);
alter table maestro.threads add constraint threads_session_no_fkey FOREIGN KEY (session_no) REFERENCES maestro.sessions(no);
CREATE INDEX authentications_by_name ON maestro.authentications USING btree (name, id);
CREATE INDEX authentications_due ON maestro.authentications USING btree (expires_at, id) WHERE (auth_type = 'oauth'::text);
CREATE INDEX entries_streaming ON maestro.entries USING btree (id) WHERE (state = 'streaming'::text);
CREATE INDEX item_tags_by_item ON maestro.item_tags USING btree (item_no);
CREATE INDEX item_words_by_word ON maestro.item_words USING gin (words);
CREATE INDEX items_by_insert ON maestro.items USING btree (inserted_at, id);
CREATE INDEX items_by_name ON maestro.items USING btree (name, id);
CREATE INDEX items_by_update ON maestro.items USING btree (updated_at, id);
CREATE INDEX session_items_by_item ON maestro.session_items USING btree (item_id, version);
CREATE INDEX sessions_by_auth ON maestro.sessions USING btree (auth_id, last_used_at, id) WHERE (auth_id IS NOT NULL);
CREATE INDEX sessions_by_name ON maestro.sessions USING btree (name);
CREATE INDEX sessions_by_use ON maestro.sessions USING btree (last_used_at, id);
CREATE INDEX threads_by_parent ON maestro.threads USING btree (parent_no, fork_turn) WHERE (parent_no IS NOT NULL);
CREATE INDEX threads_by_session ON maestro.threads USING btree (session_no, inserted_at, id);
