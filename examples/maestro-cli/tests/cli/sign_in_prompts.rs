//! What a sign-in asks at a terminal.

use crate::{sign_in::World, terminal::AtTerminal};

/// Begins to sign in at a terminal.
fn login(world: &World, more: &[&str]) -> AtTerminal {
    let login = ["auth", "login", "openai_compatible", "--name", "work", "--profile", &world.profile];
    let store = format!("sqlite:{}", world.home.path().join("m.sqlite").display());
    AtTerminal::start(&mut world.home.command(&[&["--store", &store], &login[..], more].concat()))
}

/// The address that was shown to be opened; a terminal may have broken it into lines.
fn address(terminal: &mut AtTerminal, world: &World) -> String {
    let start = world.sandbox.authorization_url();
    terminal.sees(&start);
    let rest = terminal.sees("\r\n");
    format!("{start}{}", rest.trim())
}

#[test]
fn terms_are_accepted_at_the_prompt_and_a_pasted_code_is_not_shown() {
    let world = World::new();
    let mut terminal = login(&world, &["--flow", "paste"]);
    terminal.sees("Whoever runs it says who may sign in there");
    terminal.sees("Sign in under these terms?");
    terminal.types("y\r");
    let url = address(&mut terminal, &world);
    let back = world.sandbox.authorization().approve(&url).unwrap();
    let code = back.code().unwrap();
    let mut shown = terminal.sees("Code, or address:");
    terminal.types(back.url());
    terminal.types("\r");
    shown.push_str(&terminal.sees("Signed in as"));
    assert!(!shown.contains(&code), "{shown}");
    assert!(terminal.child.wait().unwrap().success());
    assert_eq!(world.run(&["auth", "status", "work"]).last()["renewable"], true);

    // Ending it is asked about, too.
    let store = format!("sqlite:{}", world.home.path().join("m.sqlite").display());
    let logout = ["--store", &store, "auth", "logout", "work"];
    for (answer, told) in
        [("n\r", "Nothing was ended"), ("\x03", "Nothing was ended"), ("y\r", "at the server and here")]
    {
        let mut terminal = AtTerminal::start(&mut world.home.command(&logout));
        terminal.sees("at the server and here?");
        terminal.types(answer);
        terminal.sees(told);
        assert!(terminal.child.wait().unwrap().success());
    }
    assert!(world.sandbox.authorization().families()[0].revoked);
}

#[test]
fn who_does_not_accept_the_terms_is_not_signed_in() {
    let world = World::new();
    for answer in ["n\r", "\r", "\x1b", "\x03"] {
        let mut terminal = login(&world, &[]);
        terminal.sees("Sign in under these terms?");
        terminal.types(answer);
        terminal.sees("the terms were not accepted");
        assert_eq!(terminal.child.wait().unwrap().code(), Some(130), "{answer:?}");
    }
    assert!(world.run(&["auth", "status"]).lines().is_empty());
    assert_eq!(world.sandbox.authorization().counters().codes_issued, 0);
}

#[test]
fn a_prompt_for_a_code_can_be_left() {
    let world = World::new();
    for key in ["\x03", "\x1b"] {
        let mut terminal = login(&world, &["--flow", "paste", "--accept-policy"]);
        terminal.sees("Code, or address:");
        terminal.types(key);
        terminal.sees("stopped");
        assert_eq!(terminal.child.wait().unwrap().code(), Some(130), "{key:?}");
    }
    assert!(world.run(&["auth", "status"]).lines().is_empty());
}
