//! The library.

use crate::home::Home;

fn names(home: &Home, args: &[&str]) -> Vec<String> {
    let lines = home.json(args);
    lines
        .iter()
        .filter(|line| line["type"] == "item")
        .map(|line| line["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_text_is_added_found_changed_in_versions_and_removed() {
    let home = Home::new();
    let file = home.file("review.md", "Be strict.\n");
    home.json(&[
        "context",
        "add",
        "system_prompt",
        "reviewer",
        "--file",
        file.to_str().unwrap(),
        "--tag",
        "team=core",
    ]);
    home.json(&["context", "add", "persona", "teacher", "--text", "You are a patient Teacher."]);
    assert_eq!(names(&home, &["context", "list"]), ["reviewer", "teacher"]);
    assert_eq!(names(&home, &["context", "list", "--type", "persona"]), ["teacher"]);
    assert_eq!(names(&home, &["context", "list", "--tag", "team=core"]), ["reviewer"]);
    assert_eq!(names(&home, &["context", "search", "PATIENT", "teach"]), ["teacher"]);
    assert!(names(&home, &["context", "search", "nothing"]).is_empty());

    assert_eq!(home.json(&["context", "edit", "teacher", "--text", "You are brief."])[0]["version"], 2);
    let versions = home.json(&["context", "versions", "teacher"]);
    assert_eq!(versions[0]["text"], "You are a patient Teacher.");
    assert_eq!(versions[1]["text"], "You are brief.");
    assert_eq!(
        home.run(&["context", "show", "teacher", "--version", "1"]).stdout,
        "You are a patient Teacher.\n"
    );
    assert_eq!(home.run(&["context", "show", "teacher", "--version", "9"]).code, 6);

    assert_eq!(home.json(&["context", "remove", "teacher", "reviewer"])[0]["count"], 2);
    assert!(names(&home, &["context", "list"]).is_empty());
}

#[test]
fn a_text_may_come_from_standard_input() {
    let home = Home::new();
    let ran = home.run_with(&["context", "add", "persona", "teacher", "--file", "-"], "You teach.");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.run(&["context", "show", "teacher"]).stdout, "You teach.\n");
    let ran = home.run(&["context", "add", "persona", "other"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--text"), "{ran:?}");
}

#[test]
fn a_taken_name_an_unknown_type_and_a_malformed_tag_are_refused() {
    let home = Home::new();
    home.json(&["context", "add", "persona", "one", "--text", "x"]);
    assert_eq!(home.run(&["context", "add", "persona", "one", "--text", "y"]).code, 7);
    assert_eq!(home.run(&["context", "add", "prompt", "two", "--text", "y"]).code, 2);
    assert_eq!(home.run(&["context", "add", "persona", "two", "--text", "y", "--tag", "none"]).code, 2);
    assert_eq!(home.run(&["context", "add", "persona", "two", "--text", " "]).code, 2);
    // The same name for the other type is another text; then the type decides.
    home.json(&["context", "add", "system_prompt", "one", "--text", "z"]);
    assert_eq!(home.run(&["context", "show", "one"]).code, 7);
    assert_eq!(home.run(&["context", "show", "one", "--type", "system_prompt"]).stdout, "z\n");
    // All or nothing.
    assert_eq!(home.run(&["context", "remove", "one", "nobody", "--type", "persona"]).code, 6);
    assert_eq!(names(&home, &["context", "list"]).len(), 2);
}

#[test]
fn a_session_notes_the_version_that_it_uses() {
    let home = Home::new();
    let item = home.json(&["context", "add", "persona", "teacher", "--text", "one two three"]).remove(0);
    home.json(&["chat", "--once", "hi", "--persona", "teacher", "--session", "class"]);
    home.json(&["context", "edit", "teacher", "--text", "another"]);
    let session = home.json(&["session", "show", "class"]).remove(0);
    assert_eq!(session["persona"]["item_id"], item["id"]);
    assert_eq!(session["persona"]["version"], 1);
    let ran = home.run(&["chat", "--once", "hi", "--session", "class"]);
    assert!(ran.stdout.contains("system prompt: 3 words"), "the old text is sent: {ran:?}");
    assert_eq!(home.run(&["context", "remove", "teacher"]).code, 7, "it is in use");
    assert_eq!(home.run(&["chat", "--once", "hi", "--persona", "nobody"]).code, 6);
}

#[test]
fn lists_come_in_pages() {
    let home = Home::new();
    for name in ["a", "b", "c"] {
        home.json(&["context", "add", "persona", name, "--text", "x"]);
    }
    let page = home.json(&["context", "list", "--limit", "2"]);
    let next = page.last().unwrap()["next"].as_str().unwrap();
    assert_eq!(names(&home, &["context", "list", "--limit", "2", "--after", next]), ["c"]);
    assert_eq!(home.run(&["context", "list", "--limit", "0"]).code, 2);
    assert_eq!(home.run(&["context", "list", "--after", "nonsense"]).code, 2);
}
