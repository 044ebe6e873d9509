//! A terminal that is a program.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    process::{Child, Command},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// A program at a terminal. It is killed when it is dropped.
pub(crate) struct AtTerminal {
    pub(crate) child: Child,
    terminal: File,
    /// What has been read and not yet been waited for.
    seen: String,
}

impl AtTerminal {
    pub(crate) fn start(command: &mut Command) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let side = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let (stdin, stderr) = (side.try_clone().unwrap(), side.try_clone().unwrap());
        command.env("TERM", "xterm").stdin(stdin).stdout(side).stderr(stderr);
        let child = command.spawn().unwrap();
        Self { child, terminal: terminal.into(), seen: String::new() }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until this is seen, and returns what came before it.
    pub(crate) fn sees(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(wanted) {
                let before = self.seen[..at].to_owned();
                self.seen.drain(..at + wanted.len());
                return before;
            }
            let mut bytes = [0; 4096];
            let read = if self.is_readable() { self.terminal.read(&mut bytes).unwrap_or(0) } else { 0 };
            assert!(read > 0, "{wanted:?} is never seen after {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    /// Waits for something to read; not for ever, so that a test that waits in vain says for what.
    fn is_readable(&self) -> bool {
        let patience = Timespec { tv_sec: 30, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.terminal, PollFlags::IN)], Some(&patience)).unwrap() > 0
    }

    /// Waits for the prompt, and types a message.
    pub(crate) fn says(&mut self, message: &str) {
        self.sees("> ");
        self.types(message);
        self.types("\r");
    }

    /// Waits for the prompt, and leaves.
    pub(crate) fn leaves(&mut self) {
        self.sees("> ");
        self.types("\x04");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
