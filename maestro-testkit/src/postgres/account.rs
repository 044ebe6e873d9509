//! The account that the server runs under: Postgres refuses to run as root.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::geteuid;

use super::Unavailable;

/// Numbers of a user and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Account {
    /// `None` where the server can run as whoever asks; for root it is `postgres`, else `nobody`.
    pub(super) fn for_server() -> Result<Option<Self>, Unavailable> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"].iter().find_map(|name| find(&users, name)).map(Some).ok_or_else(|| {
            Unavailable::new(
                "Postgres does not run as root, and this machine has neither a user `postgres` nor `nobody`",
            )
        })
    }
}

/// A command that is run under `account`, in a process group of its own, so that Ctrl-C does not reach it.
pub(super) fn command(program: impl AsRef<std::ffi::OsStr>, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.process_group(0).current_dir("/").env("LC_ALL", "C");
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    command
}

/// The numbers of `name` in the text of a passwd file.
fn find(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        let (user, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Account { user, group })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/:/bin/sh\n";
        assert_eq!(find(users, "postgres"), Some(Account { user: 101, group: 104 }));
        assert_eq!(find(users, "nobody"), None);
        assert_eq!(find("postgres", "postgres"), None);
    }
}
