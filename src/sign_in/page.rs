//! What a listener shows in the browser. No page repeats anything of a request.

/// An answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// The code has come.
    Done,
    /// The server or the user said no.
    Refused,
    /// Nothing is at this address, or another sign-in was meant.
    Stray,
    /// Not a request that can be read.
    Bad,
    /// Longer than a request may be.
    TooLong,
}

impl Page {
    /// The whole answer, after which the connection ends.
    pub(super) fn answer(self) -> String {
        let (status, title, text) = match self {
            Self::Done => (
                "200 OK",
                "Almost done",
                "The sign-in has come back. You can close this page; the program says how it went on.",
            ),
            Self::Refused => (
                "200 OK",
                "Not signed in",
                "The sign-in was refused. You can close this page; the program says why.",
            ),
            Self::Stray => (
                "404 Not Found",
                "Not this sign-in",
                "This address is no answer to the sign-in that is waited for. Use the page that the program names.",
            ),
            Self::Bad => ("400 Bad Request", "Not understood", "This is not a request for a page."),
            Self::TooLong => ("431 Request Header Fields Too Large", "Too long", "The request is too long."),
        };
        let body = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
        );
        // The address holds a code, so nobody may keep it or be told of it.
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
             connection: close\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
             content-security-policy: default-src 'none'\r\nx-content-type-options: nosniff\r\n\r\n{body}",
            body.len()
        )
    }
}
