//! Devices (RFC 8628).

use std::time::{Duration, Instant};

use maestro::{
    ErrorKind,
    core::{
        provider::{DevicePoll, OAuthFlow as _},
        time::{Clock as _, SystemClock},
    },
};

use crate::{
    browser::{User, visit},
    home::Running,
    world::World,
};

/// The page with the code in it.
fn page(running: &mut Running) -> String {
    let line = running.until("device");
    assert!(line["user_code"].as_str().is_some_and(|code| code.len() >= 8), "{line}");
    line["verification_uri_complete"].as_str().unwrap().to_owned()
}

needs_certified_servers! {
    #[test]
    fn a_device_waits_until_the_user_is_done_elsewhere() {
        let world = World::new("public");
        let mut running = world.login(&["--flow", "device"]);
        let page = page(&mut running);
        let began = Instant::now();
        while world.server.count("device_code authorization_pending") == 0 {
            assert!(began.elapsed() < Duration::from_secs(30), "it is asked");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(visit(&page, User::Approves), None);
        assert_eq!(running.until("auth")["name"], "work");
        assert_eq!(running.code(), 0);
        assert_eq!(world.server.count("device_code ok"), 1);
        assert!(world.is_known(&world.refresh_token()));
    }

    #[test]
    fn a_device_that_is_denied_is_told_as_such() {
        let world = World::new("public");
        let mut running = world.login(&["--flow", "device"]);
        let page = page(&mut running);
        visit(&page, User::Denies);
        let error = running.until("error");
        assert_eq!((&error["kind"], &error["code"]), (&"forbidden".into(), &"access_denied".into()), "{error}");
        assert_eq!(running.code(), 5);
        assert!(world.run(&["auth", "status"]).lines().is_empty());
    }

    #[test]
    fn a_code_that_has_ended_is_refused_by_the_server_and_by_ourselves() {
        let world = World::new("hasty");
        let oauth = world.oauth();
        let began = SystemClock.now();
        let pending = world.runtime.block_on(oauth.device_begin(&world.http, began)).unwrap();
        // As if our own clock stood still: it is the server that says so.
        let started = Instant::now();
        let error = loop {
            match world.runtime.block_on(oauth.device_poll(&world.http, &pending, began)) {
                Ok(DevicePoll::Pending) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
            assert!(started.elapsed() < Duration::from_secs(30), "it ends");
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        let asked = world.server.count("device_code authorization_pending");

        let mut running = world.login(&["--flow", "device"]);
        let error = running.until("error");
        assert_eq!((&error["kind"], &error["code"]), (&"unauthenticated".into(), &"expired_token".into()));
        assert_eq!(world.server.count("device_code authorization_pending"), asked, "nobody was asked");
    }
}
