//! The shared server and its keeper.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use maestro_testkit::needs_private_postgres;

use crate::place::{Place, is_gone, kill};

needs_private_postgres! {
    #[test]
    fn all_processes_use_one_server() {
        let place = Place::new();
        let mut users: Vec<_> = (0..6).map(|_| place.user()).collect();
        let answers: Vec<_> = users.iter_mut().map(|user| user.answer()).collect();
        assert!(answers[0].starts_with("postgres://"), "{answers:?}");
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let server = place.server();
        users.into_iter().for_each(|user| user.end());
        place.wait_until_empty();
        assert!(is_gone(server));
    }

    #[test]
    fn a_server_waits_for_the_next_process() {
        let place = Place::new();
        let mut first = place.user();
        first.answer();
        let server = place.server();
        first.end();
        let mut second = place.user();
        second.answer();
        assert_eq!(place.server(), server);
        second.end();
        place.wait_until_empty();
    }

    #[test]
    fn killed_processes_leave_nothing_behind() {
        let place = Place::new();
        let mut users: Vec<_> = (0..3).map(|_| place.user()).collect();
        users.iter_mut().for_each(|user| assert!(user.answer().starts_with("postgres://")));
        let server = place.server();
        users.iter_mut().for_each(|user| user.kill());
        place.wait_until_empty();
        assert!(is_gone(server));
    }

    #[test]
    fn an_interrupted_process_leaves_nothing_behind() {
        let place = Place::new();
        let mut user = place.user();
        user.answer();
        let server = place.server();
        user.interrupt();
        place.wait_until_empty();
        assert!(is_gone(server));
    }

    #[test]
    fn a_killed_process_leaves_no_private_server_behind() {
        let place = Place::new();
        let mut user = place.private_user();
        assert!(user.answer().starts_with("postgres://"));
        let server = place.server();
        user.kill();
        place.wait_until_empty();
        assert!(is_gone(server));
    }

    #[test]
    fn a_starter_killed_at_any_point_stops_nobody() {
        let place = Place::new();
        for round in 0..12_u32 {
            let mut starter = place.user();
            // From before it has done anything to when the server is up.
            thread::sleep(Duration::from_millis(2 * u64::from(round * round * round)));
            starter.kill();
            if round % 4 == 3 {
                let mut user = place.user();
                let answer = user.answer();
                assert!(answer.starts_with("postgres://"), "{answer}");
                user.end();
                place.wait_until_empty();
            }
        }
        place.wait_until_empty();
    }

    #[test]
    fn what_a_killed_keeper_has_left_is_replaced() {
        let place = Place::new();
        let mut user = place.user();
        user.answer();
        let left = place.server();
        kill(place.keeper());
        user.kill();
        let mut next = place.user();
        assert!(next.answer().starts_with("postgres://"));
        assert!(is_gone(left));
        assert_ne!(place.server(), left);
        next.end();
        place.wait_until_empty();
    }

    #[test]
    fn a_server_that_died_is_replaced() {
        let place = Place::new();
        let mut user = place.user();
        user.answer();
        kill(place.server());
        let mut next = place.user();
        assert!(next.answer().starts_with("postgres://"));
        assert!(!is_gone(place.server()));
        next.end();
        user.end();
        place.wait_until_empty();
    }

    #[test]
    fn an_empty_directory_is_no_server() {
        let place = Place::new();
        let mut user = place.user();
        user.answer();
        let directory = place.contents().remove(0);
        user.end();
        place.wait_until_empty();
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("stopping"), "").unwrap();
        let mut user = place.user();
        assert!(user.answer().starts_with("postgres://"));
        user.end();
        place.wait_until_empty();
    }

    #[test]
    fn leftovers_of_others_are_swept_away() {
        let place = Place::new();
        let mut user = place.user();
        user.answer();
        let directory = place.contents().remove(0);
        let left = place.server();
        kill(place.keeper());
        user.kill();
        // As if it were of another version of this crate.
        let other = directory.with_file_name(format!("{}-other", directory.file_name().unwrap().display()));
        fs::rename(&directory, &other).unwrap();
        let mut user = place.user();
        assert!(user.answer().starts_with("postgres://"));
        assert!(is_gone(left));
        assert!(!other.exists());
        user.end();
        place.wait_until_empty();
    }
}

#[test]
fn programs_that_fail_are_told_with_what_they_said() {
    let place = Place::new();
    let programs = place.path().join("bin");
    fs::create_dir(&programs).unwrap();
    for program in ["initdb", "pg_ctl", "postgres"] {
        fs::write(programs.join(program), "#!/bin/sh\necho this one is broken; exit 1\n").unwrap();
        fs::set_permissions(programs.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut user = place.user_with(&[("PG_BIN", &programs)]);
    let answer = user.answer();
    assert!(answer.contains("does not start") && answer.contains("this one is broken"), "{answer}");
    user.end();
    fs::remove_dir_all(&programs).unwrap();
    place.wait_until_empty();
}

#[test]
fn a_folder_without_programs_is_told_with_the_remedy() {
    let place = Place::new();
    let mut user = place.user_with(&[("PG_BIN", place.path())]);
    let answer = user.answer();
    assert!(answer.contains("apt-get install postgresql") && answer.contains("DATABASE_URL"), "{answer}");
    user.end();
    place.wait_until_empty();
}
