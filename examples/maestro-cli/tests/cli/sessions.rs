//! Sessions and threads.

use serde_json::Value;

use crate::home::Home;

fn entries(home: &Home, session: &str) -> Vec<Value> {
    home.json(&["session", "show", session]).into_iter().filter(|line| line["type"] == "entry").collect()
}

#[test]
fn a_fork_goes_on_from_an_entry_and_copies_nothing() {
    let home = Home::new();
    home.json(&["chat", "--once", "one", "--session", "work"]);
    let answer = entries(&home, "work")[1]["id"].as_str().unwrap().to_owned();
    home.json(&["chat", "--once", "two", "--session", "work"]);
    let fork = home.json(&["thread", "fork", &answer, "--label", "other way"]).remove(0);
    assert_eq!(
        (&fork["type"], &fork["label"], &fork["fork_turn"]),
        (&"thread".into(), &"other way".into(), &2.into())
    );
    assert_eq!(entries(&home, "work").len(), 4);

    let thread = fork["id"].as_str().unwrap();
    let turn = home.json(&["chat", "--once", "three", "--thread", thread]);
    assert_eq!(turn[0]["thread_id"], thread);
    let on_fork: Vec<_> =
        entries(&home, "work").into_iter().filter(|entry| entry["thread_id"] == thread).collect();
    let turns: Vec<_> = on_fork.iter().map(|entry| entry["turn_index"].as_u64().unwrap()).collect();
    assert_eq!(turns, [3, 4], "the turns go on across the fork");
    assert_eq!(home.json(&["thread", "list", "work"]).len(), 2);
}

#[test]
fn an_edit_is_a_branch_and_what_was_there_stays() {
    let home = Home::new();
    home.json(&["chat", "--once", "one", "--session", "work"]);
    let question = entries(&home, "work")[0]["id"].as_str().unwrap().to_owned();
    let thread = home.json(&["thread", "edit", &question, "uno"]).remove(0);
    let all = entries(&home, "work");
    let edited = all.iter().find(|entry| entry["thread_id"] == thread["id"]).unwrap();
    assert_eq!((&edited["parts"][0]["text"], &edited["edit_version"]), (&"uno".into(), &2.into()));
    assert_eq!(all[0]["parts"][0]["text"], "one");
    let ran = home.run_with(&["thread", "edit", &question, "-", "--label", "piped"], "due\n");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(entries(&home, "work").iter().any(|entry| entry["parts"][0]["text"] == "due"));
}

#[test]
fn a_thread_is_labelled_and_deleted_but_not_the_first() {
    let home = Home::new();
    home.json(&["chat", "--once", "one", "--session", "work"]);
    let answer = entries(&home, "work")[1]["id"].as_str().unwrap().to_owned();
    let fork = home.json(&["thread", "fork", &answer])[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.json(&["thread", "label", &fork, "named"])[0]["label"], "named");
    assert_eq!(home.json(&["thread", "label", &fork])[0]["label"], Value::Null);
    home.json(&["thread", "delete", &fork]);
    assert_eq!(home.run(&["thread", "delete", &fork]).code, 6);
    let root = home.json(&["session", "show", "work"])[0]["root_thread_id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["thread", "delete", &root]).code, 7);
}

#[test]
fn sessions_are_listed_in_pages_renamed_and_deleted() {
    let home = Home::new();
    for name in ["one", "two", "three"] {
        home.json(&["chat", "--once", "hi", "--session", name]);
    }
    let page = home.json(&["session", "list", "--limit", "2"]);
    assert_eq!((&page[0]["name"], &page[1]["name"]), (&"three".into(), &"two".into()));
    let next = page[2]["next"].as_str().unwrap();
    assert_eq!(home.json(&["session", "list", "--after", next])[0]["name"], "one");
    assert_eq!(home.json(&["session", "rename", "one", "first"])[0]["name"], "first");
    assert_eq!(home.run(&["session", "show", "one"]).code, 6);
    home.json(&["session", "delete", "first"]);
    assert_eq!(home.run(&["session", "delete", "first"]).code, 6);
    assert_eq!(home.run(&["session", "rename", "two", " "]).code, 2);
}

#[test]
fn people_see_who_said_what() {
    let home = Home::new();
    home.json(&["chat", "--once", "hello there", "--session", "work"]);
    let ran = home.run(&["session", "show", "work"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in ["work\n", "user", "hello there", "assistant", "Sandbox"] {
        assert!(ran.stdout.contains(part), "{part}: {ran:?}");
    }
    assert!(!ran.stdout.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn an_exported_session_is_imported_elsewhere_as_it_was() {
    let home = Home::new();
    home.json(&["context", "add", "persona", "teacher", "--text", "You are patient."]);
    home.json(&["chat", "--once", "one", "--session", "work", "--persona", "teacher"]);
    let answer = entries(&home, "work")[1]["id"].as_str().unwrap().to_owned();
    home.json(&["thread", "fork", &answer, "--label", "other way"]);
    let file = home.path().join("work.jsonl");
    let path = file.to_str().unwrap();
    let exported = home.json(&["session", "export", "work", "--output", path]).remove(0);
    assert_eq!((&exported["type"], &exported["entries"]), (&"exported".into(), &2.into()));
    assert_eq!(home.run(&["session", "export", "work", "--output", path]).code, 7, "it is there");
    assert_eq!(home.run(&["session", "export", "work", "--output", path, "--force"]).code, 0);
    let streamed = home.run(&["session", "export", "work"]);
    assert_eq!(streamed.stdout, std::fs::read_to_string(&file).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let other = format!("sqlite:{}", home.path().join("other.sqlite").display());
    let imported = home.json(&["--store", &other, "session", "import", path]).remove(0);
    assert_eq!((&imported["type"], &imported["is_new"]), (&"imported".into(), &true.into()));
    assert_eq!(
        home.json(&["--store", &other, "session", "show", "work"]),
        home.json(&["session", "show", "work"])
    );
    let again = home.run_with(&["--json", "--store", &other, "session", "import", "-"], &streamed.stdout);
    assert_eq!((again.code, &again.last()["is_new"]), (0, &false.into()), "{again:?}");
    let turn = home.json(&["--store", &other, "chat", "--once", "two", "--session", "work"]);
    assert_eq!(turn[0]["session_id"], imported["session_id"], "it goes on");
}

#[test]
fn a_session_that_has_changed_is_imported_as_a_copy_only() {
    let home = Home::new();
    home.json(&["chat", "--once", "one", "--session", "work"]);
    let file = home.run(&["session", "export", "work"]).stdout;
    home.json(&["chat", "--once", "two", "--session", "work"]);
    let refused = home.run_with(&["session", "import", "-"], &file);
    assert!(refused.code == 7 && refused.stderr.contains("copy"), "{refused:?}");
    let copy = home.run_with(&["--json", "session", "import", "-", "--as-copy"], &file);
    assert_eq!(copy.code, 0, "{copy:?}");
    let id = copy.last()["session_id"].as_str().unwrap().to_owned();
    let texts = |session: &str| -> Vec<_> {
        entries(&home, session).iter().map(|entry| entry["parts"][0]["text"].clone()).collect()
    };
    assert_eq!(texts(&id).len(), 2);
    let (at, original) = (home.json(&["session", "list"]), copy.last()["session_id"].clone());
    let original = at.iter().find(|line| line["id"] != original).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(texts(&id), texts(&original)[..2]);
    assert_eq!(home.json(&["store", "check"])[0]["violations"], 0);
}

#[test]
fn a_file_that_is_no_whole_session_is_refused_and_nothing_is_written() {
    let home = Home::new();
    home.json(&["chat", "--once", "one", "--session", "work"]);
    let file = home.run(&["session", "export", "work"]).stdout;
    let other = format!("sqlite:{}", home.path().join("other.sqlite").display());
    let cut = file.rfind("{\"type\":\"end\"").unwrap();
    for wrong in [&file[..cut], &file[..file.len() - 1], &file.replacen("one", "two", 1), "", "hello\n"] {
        let ran = home.run_with(&["--json", "--store", &other, "session", "import", "-"], wrong);
        assert_eq!((ran.code, &ran.last()["kind"]), (2, &"invalid".into()), "{ran:?}");
        assert!(!ran.stdout.contains("\"text\""), "no word of what was said: {ran:?}");
    }
    assert!(home.json(&["--store", &other, "session", "list"]).is_empty());
    assert_eq!(home.run(&["session", "import", "nowhere.jsonl"]).code, 6);
    assert_eq!(home.run(&["session", "export", "nobody"]).code, 6);
    let nowhere = home.path().join("no").join("where.jsonl");
    assert_eq!(home.run(&["session", "export", "work", "--output", nowhere.to_str().unwrap()]).code, 8);
}
