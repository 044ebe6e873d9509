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
    /// One HTTP chunk an event, each written by itself.
    ChunkPerEvent,
    /// All events in HTTP chunks of up to 64 KiB.
    Bulk,
}

/// A server that answers every request with the same event stream.
pub(crate) struct Loopback {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicU64>,
}

impl Loopback {
    pub(crate) fn serve(events: &[Bytes], delivery: Delivery) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("a bound listener has an address");
        let connections = Arc::new(AtomicU64::new(0));
        let writes = Arc::new(writes(events, delivery));
        let counted = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let writes = writes.clone();
                thread::spawn(move || answer_all(stream, &writes));
            }
        });
        Self { address, connections }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn writes(events: &[Bytes], delivery: Delivery) -> Vec<Vec<u8>> {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
    let mut writes = vec![head];
    match delivery {
        Delivery::ChunkPerEvent => writes.extend(events.iter().map(|event| chunk(event))),
        Delivery::Bulk => writes.extend(events.concat().chunks(64 << 10).map(chunk)),
    }
    writes.push(b"0\r\n\r\n".to_vec());
    writes
}

fn answer_all(mut stream: TcpStream, writes: &[Vec<u8>]) {
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
        for bytes in writes {
            if stream.write_all(bytes).is_err() {
                return;
            }
        }
    }
}
