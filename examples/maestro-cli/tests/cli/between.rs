//! A server between the program and another: it passes on what it is asked, or sends it back as an error.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// What the other server does.
    TheOthersAnswer,
    /// With this status, all that was asked: in the body, and the secret of it in headers.
    WhatWasAsked(u16),
}

/// The server.
pub(crate) struct Between {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    to: String,
    /// What every secret has in it.
    word: &'static str,
    says: Mutex<Says>,
    asked: Mutex<Vec<String>>,
}

impl Between {
    /// Passes on to the server at `to`, `http://127.0.0.1:PORT`.
    pub(crate) fn start(to: &str, word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let to = to.trim_start_matches("http://").to_owned();
        let (says, asked) = (Mutex::new(Says::TheOthersAnswer), Mutex::default());
        let shared = Arc::new(Shared { to, word, says, asked });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                // A program that has gone away is no failure of the server.
                thread::spawn(move || drop(server.answer(stream)));
            }
        });
        Self { url, shared }
    }

    pub(crate) fn says(&self, says: Says) {
        *self.shared.says.lock().unwrap() = says;
    }

    /// What was asked: heads with bodies.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let (head, body) = read(&stream)?;
        let asked = format!("{}\n{}", head.join("\n"), String::from_utf8_lossy(&body));
        self.asked.lock().unwrap().push(asked.clone());
        let says = *self.says.lock().unwrap();
        match says {
            Says::TheOthersAnswer => {
                let mut other = TcpStream::connect(&self.to)?;
                let rest = head[1..].join("\r\n");
                write!(other, "{}\r\nconnection: close\r\n{rest}\r\n\r\n", head[0])?;
                other.write_all(&body)?;
                io::copy(&mut other, &mut stream)?;
            }
            Says::WhatWasAsked(status) => stream.write_all(self.back(status, &asked).as_bytes())?,
        }
        Ok(())
    }

    fn back(&self, status: u16, asked: &str) -> String {
        let secret = self.secrets_in(asked).pop().unwrap_or_default();
        let body = if status == 400 {
            serde_json::json!({"error": "invalid_request", "error_description": asked, "message": secret})
        } else {
            serde_json::json!({"error": {"message": asked, "code": secret, "type": secret}, "detail": asked})
        };
        let body = body.to_string();
        format!(
            "HTTP/1.1 {status} Echo\r\ncontent-type: application/json\r\nx-request-id: {secret}\r\n\
             www-authenticate: Bearer realm=\"{secret}\"\r\nretry-after: 0\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
    }

    /// The words of what was asked that are secret.
    fn secrets_in(&self, asked: &str) -> Vec<String> {
        let part = |c: char| !(c.is_ascii_alphanumeric() || "-._~/+%".contains(c));
        asked.split(part).filter(|text| text.contains(self.word)).map(str::to_owned).collect()
    }
}

fn read(stream: &TcpStream) -> io::Result<(Vec<String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push(line.trim().to_owned());
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    if head.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok((head, body)) }
}
