//! The vault key is rotated, by one program or several, and whatever stops them.

use std::{fs, path::PathBuf, thread, time::Duration};

use maestro::{core::auth::KeyRing, prelude::*};

use crate::home::{Home, Ran, Running, Sandbox, run_with};

/// A key that other programs would see if anything showed it.
const CANARY: &str = "sandbox-canary-0123456789abcdef";

impl Home {
    fn key_file(&self) -> PathBuf {
        self.path().join("vault-key")
    }

    fn ring(&self) -> KeyRing {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(self.key_file()).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::read_to_string(self.key_file()).unwrap().parse().unwrap()
    }

    /// The library on the same store, with these keys.
    async fn maestro(&self, ring: &KeyRing) -> Maestro {
        let store = SqliteStore::open(self.path().join("data/maestro/maestro.sqlite")).await.unwrap();
        Maestro::builder().store(store).vault(ring.vault()).build().unwrap()
    }

    /// Saves so many keys, the first by the program itself, which makes the vault key.
    async fn save_many(&self, count: usize) {
        self.save_key("anthropic", "row_000", "http://127.0.0.1:9", CANARY);
        let maestro = self.maestro(&self.ring()).await;
        for number in 1..count {
            add(&maestro, &format!("row_{number:03}")).await;
        }
    }

    /// Every saved key opens with what is in the key file.
    async fn assert_all_open(&self, count: usize) {
        let maestro = self.maestro(&self.ring()).await;
        let rows = maestro.store().auth_list_all(&AuthQuery::default()).await.unwrap();
        assert_eq!(rows.len(), count);
        for row in rows {
            let opened = maestro.vault().open(row.id, &row.credentials).unwrap();
            assert_eq!(opened.secret(), Some(&Secret::new(CANARY).unwrap()));
        }
    }
}

async fn add(maestro: &Maestro, name: &str) -> SavedAuthentication {
    let reference = AuthRef::new("anthropic".parse().unwrap(), AuthType::ApiKey, name.parse().unwrap());
    let key = Credentials::api_key(Secret::new(CANARY).unwrap());
    maestro.save_credentials(&reference, &key, Save::Create).await.unwrap()
}

fn key() -> String {
    VaultKey::generate().to_text().to_string()
}

#[tokio::test]
async fn everything_is_sealed_anew_and_then_the_old_key_can_go() {
    let home = Home::new();
    home.save_many(5).await;
    let old = home.ring();

    let lines = home.json(&["auth", "rotate-key"]);
    let ring = home.ring();
    assert_eq!(ring.older().collect::<Vec<_>>(), [old.active()]);
    let told: Vec<_> = lines.iter().filter(|line| line["type"] != "progress").collect();
    assert_eq!((&told[0]["type"], &told[0]["resealed"]), (&"rotated".into(), &5.into()));
    assert_eq!(
        (&told[1]["type"], &told[1]["active"]),
        (&"key_ring".into(), &ring.active().to_string().into())
    );
    home.assert_all_open(5).await;

    let ran = home.run(&["auth", "rotate-key", "--drop-old", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains(&format!("Forgot key {}", old.active())), "{ran:?}");
    assert_eq!((home.ring().active(), home.ring().older().count()), (ring.active(), 0));
    home.assert_all_open(5).await;
    let again = home.run(&["auth", "rotate-key", "--drop-old", "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
}

#[tokio::test]
async fn a_rotation_that_is_killed_anywhere_loses_no_key_and_is_taken_up_again() {
    const ROWS: usize = 60;
    let home = Home::new();
    home.save_many(ROWS).await;
    let first = home.ring().active();
    let args = ["--json", "auth", "rotate-key", "--wait", "0"];
    for millis in [0, 3, 6, 10, 15, 20, 25, 30] {
        let mut running = Running::start(&mut home.command(&args));
        thread::sleep(Duration::from_millis(millis));
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        home.assert_all_open(ROWS).await;
    }
    for resealed in [1, 10, 10] {
        let mut running = Running::start(&mut home.command(&args));
        while running.next().is_some_and(|line| line["type"] != "progress" || line["resealed"] != resealed) {}
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        home.assert_all_open(ROWS).await;
    }
    let ran = home.run(&["auth", "rotate-key"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    home.assert_all_open(ROWS).await;
    let ran = home.run(&["auth", "rotate-key", "--drop-old", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ring = home.ring();
    assert!(ring.active() != first && ring.older().count() == 0);
    home.assert_all_open(ROWS).await;
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".new")), "{left:?}");
}

#[tokio::test]
async fn two_rotations_at_once_agree_on_one_key() {
    let home = Home::new();
    home.save_many(60).await;
    let running = [0, 1].map(|_| home.command(&["auth", "rotate-key"]).spawn().unwrap());
    for child in running {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    assert_eq!(home.ring().older().count(), 1);
    let active = home.ring().active();
    let in_use = home.maestro(&home.ring()).await.keys_in_use().await.unwrap();
    assert_eq!(in_use.into_iter().collect::<Vec<_>>(), [(active, 60)]);
}

#[tokio::test]
async fn a_prepared_key_lets_other_machines_go_on() {
    let home = Home::new();
    home.save_many(3).await;
    let before = fs::read_to_string(home.key_file()).unwrap();
    let prepared = home.json(&["auth", "rotate-key", "--prepare"]).pop().unwrap();
    let next = prepared["next"].as_str().unwrap().to_owned();
    assert_eq!(home.json(&["auth", "rotate-key", "--prepare"]).pop().unwrap()["next"], next, "made once");
    assert_eq!(home.ring().active(), before.parse::<KeyRing>().unwrap().active());
    let handed_out = fs::read_to_string(home.key_file()).unwrap();

    assert_eq!(home.run(&["auth", "rotate-key"]).code, 0);
    assert_eq!(home.ring().active().to_string(), next);
    let show = |key: &str| run_with(home.command(&["auth", "show", "row_001"]).env("MAESTRO_KEY", key), "");
    assert_eq!(show(&handed_out).code, 0, "a program with the prepared key opens it");
    let ran = show(&before);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains(&next), "{ran:?}");
}

#[tokio::test]
async fn programs_that_prepare_a_key_at_once_agree_on_it() {
    let home = Home::new();
    home.save_many(1).await;
    let running =
        [0; 4].map(|_| home.command(&["--json", "auth", "rotate-key", "--prepare"]).spawn().unwrap());
    let told = running.map(|child| Ran::of(child.wait_with_output().unwrap()).last()["next"].clone());
    let next = home.ring().next().unwrap().to_string();
    assert!(told.iter().all(|told| *told == next), "{told:?}");
}

#[tokio::test]
async fn keys_of_the_environment_are_turned_by_their_user() {
    let home = Home::new();
    let (old, new) = (key(), key());
    let run =
        |args: &[&str], keys: &str, input: &str| run_with(home.command(args).env("MAESTRO_KEY", keys), input);
    let add = ["auth", "add", "anthropic", "work", "--key-stdin"];
    assert_eq!(run(&add, &old, CANARY).code, 0);
    for args in [["auth", "rotate-key"].as_slice(), &["auth", "rotate-key", "--prepare"]] {
        let ran = run(args, &old, "");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("set MAESTRO_KEY to OLD,NEW"), "{ran:?}");
    }
    let show = ["auth", "show", "work"];
    assert_eq!(run(&show, &format!("{old},{new}"), "").code, 0);
    let turned = format!("{new},{old}");
    assert_eq!(run(&["auth", "rotate-key"], &turned, "").code, 0);
    assert_eq!(run(&["auth", "rotate-key"], &turned, "").code, 0, "nothing is left to do");
    let ran = run(&["auth", "rotate-key", "--drop-old"], &turned, "");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("its first one alone"), "{ran:?}");
    assert_eq!(run(&show, &new, "").code, 0);
    assert_eq!(run(&show, &old, "").code, 5);
    assert!(!home.key_file().exists());
}

#[tokio::test]
async fn what_another_key_sealed_is_told_and_left_alone() {
    let home = Home::new();
    home.save_many(2).await;
    let stranger = KeyRing::new(VaultKey::generate());
    let foreign = add(&home.maestro(&stranger).await, "foreign").await;
    let ran = home.run(&["auth", "rotate-key"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains(&stranger.active().to_string()) && ran.stderr.contains("foreign"), "{ran:?}");
    let maestro = home.maestro(&home.ring()).await;
    assert_eq!(maestro.store().auth_get(foreign.id).await.unwrap(), foreign);
    assert_eq!(maestro.keys_in_use().await.unwrap()[&home.ring().active()], 2);
}

#[tokio::test]
async fn an_old_key_that_is_needed_stays() {
    let home = Home::new();
    home.save_many(3).await;
    let old = home.ring();
    let maestro = home.maestro(&old).await;
    let row = maestro.store().auth_list_all(&AuthQuery::default()).await.unwrap().remove(1);
    let (now, holder) = (maestro.now(), Id::new());
    let until = now.saturating_add(Duration::from_secs(3600));
    maestro.store().auth_lease(row.id, row.revision, holder, until, now).await.unwrap();
    for step in [
        ["auth", "rotate-key", "--wait", "0"].as_slice(),
        &["auth", "rotate-key", "--drop-old", "--wait", "0"],
    ] {
        let ran = home.run(step);
        assert_eq!(ran.code, 7, "{ran:?}");
        assert!(ran.stderr.contains("row_001"), "{ran:?}");
    }
    assert!(home.ring().holds(old.active()));
    home.assert_all_open(3).await;
    maestro.store().auth_release(row.id, holder).await.unwrap();
    assert_eq!(home.run(&["auth", "rotate-key", "--drop-old"]).code, 0);
    assert!(!home.ring().holds(old.active()));
    home.assert_all_open(3).await;
}

#[test]
fn without_a_key_there_is_nothing_to_rotate() {
    let home = Home::new();
    let ran = home.run(&["auth", "rotate-key"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(!home.key_file().exists());
    assert_eq!(home.run(&["--store", "memory:", "auth", "rotate-key", "--prepare", "--drop-old"]).code, 2);
}

#[cfg(unix)]
#[test]
fn a_key_file_that_cannot_be_written_is_told_and_nothing_is_sealed_anew() {
    let home = Home::new();
    home.save_key("anthropic", "work", "http://127.0.0.1:9", CANARY);
    let before = fs::read_to_string(home.key_file()).unwrap();
    // Where the new file would be drafted.
    fs::create_dir(home.path().join("vault-key.new")).unwrap();
    let ran = home.run(&["auth", "rotate-key"]);
    assert_eq!(ran.code, 8, "{ran:?}");
    assert_eq!(fs::read_to_string(home.key_file()).unwrap(), before);
    assert_eq!(home.json(&["auth", "show", "work"])[0]["revision"], 1);
}

#[test]
fn a_conversation_goes_on_after_a_rotation_and_no_key_is_shown() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    home.save_key("anthropic", "work", sandbox.url("anthropic"), CANARY);
    let mut seen = String::new();
    let mut keys = Vec::new();
    for args in [
        ["-vvv", "chat", "--once", "hi", "--auth", "work"].as_slice(),
        &["-vvv", "auth", "rotate-key", "--prepare"],
        &["-vvv", "auth", "rotate-key"],
        &["-vvv", "chat", "--once", "hi", "--auth", "work"],
        &["-vvv", "--json", "auth", "rotate-key"],
        &["-vvv", "auth", "rotate-key", "--drop-old", "--yes"],
        &["-vvv", "chat", "--once", "hi", "--auth", "work"],
    ] {
        let ran = run_with(home.command(args).env("MAESTRO_LOG", "trace"), "");
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        seen.push_str(&format!("{}{}", ran.stdout, ran.stderr));
        keys.extend(fs::read_to_string(home.key_file()).unwrap().lines().map(str::to_owned));
    }
    assert!(seen.contains("TRACE") && !seen.contains("canary"));
    for key in keys {
        assert!(!seen.contains(key.trim_start_matches('+')));
    }
}
