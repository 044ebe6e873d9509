//! The pages that a browser sees.

use super::flavour::Flavour;
use super::form::Form;

/// Asks whether a program may sign in; the form carries the request on.
pub(super) fn consent(flavour: Flavour, form: &Form) -> String {
    let client = escape(form.get("client_id").unwrap_or_default());
    let scopes: String =
        form.words("scope").iter().map(|scope| format!("<li><code>{}</code></li>", escape(scope))).collect();
    let hidden: String = form
        .pairs()
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        })
        .collect();
    document(
        "Sign in",
        &format!(
            "<p>The program <b>{client}</b> asks to sign in to the sandbox's <b>{}</b> and to have:</p>\
             <ul>{scopes}</ul><form method=\"post\">{hidden}{BUTTONS}</form>",
            flavour.name()
        ),
    )
}

/// Asks for the code that a device shows.
pub(super) fn device(user_code: &str) -> String {
    document(
        "Connect a device",
        &format!(
            "<form method=\"post\"><p><label>The code your device shows: \
             <input name=\"user_code\" value=\"{}\"></label></p>{BUTTONS}</form>",
            escape(user_code)
        ),
    )
}

/// Says what became of a device.
pub(super) fn decided(text: &str) -> String {
    document("Connect a device", &format!("<p>{}</p>", escape(text)))
}

/// Shows what is to be copied into the program.
pub(super) fn paste(text: &str) -> String {
    document(
        "Copy this code",
        &format!("<p>Paste this into the program that asked:</p><pre id=\"code\">{}</pre>", escape(text)),
    )
}

/// Says that nobody was signed in, and why.
pub(super) fn refusal(error: &str, description: &str) -> String {
    document(
        "Not signed in",
        &format!("<p><code id=\"error\">{}</code>: {}</p>", escape(error), escape(description)),
    )
}

const BUTTONS: &str = "<button name=\"decision\" value=\"approve\">Approve</button> \
                       <button name=\"decision\" value=\"deny\">Deny</button>";

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - sandbox</title></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
