//! A server on loopback that costs the measured thread nothing: it runs on its own and writes prepared bytes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use bytes::Bytes;

/// How events are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// One HTTP chunk an event. They are written together, so that how many of them one read returns is not left to
    /// the scheduler, which would drown what is measured.
    ChunkPerEvent,
    /// All events in HTTP chunks of up to 64 KiB.
    #[allow(dead_code, reason = "asked for by one of the benches that share this module")]
    Bulk,
}

/// A server that answers every request with the same event stream.
pub(crate) struct Loopback {
    pub(crate) address: SocketAddr,
    #[allow(dead_code, reason = "read by one of the benches that share this module")]
    pub(crate) connections: Arc<AtomicU64>,
}

impl Loopback {
    pub(crate) fn serve(events: &[Bytes], delivery: Delivery) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("a bound listener has an address");
        let connections = Arc::new(AtomicU64::new(0));
        let answer = Arc::new(answer(events, delivery));
        let counted = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = answer.clone();
                thread::spawn(move || serve_all(stream, &answer));
            }
        });
        Self { address, connections }
    }

    /// A server that runs elsewhere.
    #[allow(dead_code, reason = "one of the benches that share this module")]
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, connections: Arc::default() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn answer(events: &[Bytes], delivery: Delivery) -> Vec<u8> {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
    let mut bytes = head;
    match delivery {
        Delivery::ChunkPerEvent => bytes.extend(events.iter().flat_map(|event| chunk(event))),
        Delivery::Bulk => bytes.extend(events.concat().chunks(64 << 10).flat_map(chunk)),
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn serve_all(mut stream: TcpStream, answer: &[u8]) {
    stream.set_nodelay(true).expect("a socket of loopback");
    let mut request = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&piece[..read]),
            }
            continue;
        };
        let head_text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length = head_text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |length| length.trim().parse().expect("a length"));
        while request.len() < head + 4 + length {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&piece[..read]),
            }
        }
        request.drain(..head + 4 + length);
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}
