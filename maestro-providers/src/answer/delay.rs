//! When to try again, from headers and words.

use std::time::Duration;

use http::{HeaderMap, header};
use maestro_core::time::{Clock as _, SystemClock, Timestamp};

/// The delay of `retry-after-ms` or `retry-after`. Nothing, zero and less count as not said.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return seconds(ms / 1000.0);
    }
    let after = text("retry-after")?;
    match after.parse::<f64>() {
        Ok(count) => seconds(count),
        Err(_) => until(http_date(after)?, headers),
    }
}

/// The delay that a message names: `try again in 1.2s`, `retry in 34s`, `try again in 1m30s`, `in 250ms`.
pub(super) fn from_words(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let rest = ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|phrase| lower.split_once(phrase).map(|(_, rest)| rest))?;
    let text: String =
        rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | 'h' | 'm' | 's' | ' ')).collect();
    let text = text.trim_end_matches(['.', ' ']);
    parse_duration(text).or_else(|| {
        // `try again in 20 seconds`
        let number = text.split(' ').next()?;
        let unit = rest.strip_prefix(number)?.trim_start();
        let count: f64 = number.parse().ok()?;
        if unit.starts_with("second") || unit.starts_with('s') {
            seconds(count)
        } else if unit.starts_with("ms") || unit.starts_with("millisecond") {
            seconds(count / 1000.0)
        } else if unit.starts_with("minute") {
            seconds(count * 60.0)
        } else {
            None
        }
    })
}

/// The delay until a used-up bucket is full again: `x-ratelimit-reset-*` (`6m0s`) and `anthropic-ratelimit-*-reset`
/// (a time). Buckets that are not used up do not count.
pub(super) fn from_reset_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: String| headers.get(name)?.to_str().ok().map(|text| text.trim().to_owned());
    let used_up = |left: Option<String>| left.is_some_and(|left| left == "0");
    let durations = ["requests", "tokens"].into_iter().filter_map(|bucket| {
        used_up(text(format!("x-ratelimit-remaining-{bucket}")))
            .then(|| parse_duration(&text(format!("x-ratelimit-reset-{bucket}"))?))?
    });
    let times = ["requests", "tokens", "input-tokens", "output-tokens"].into_iter().filter_map(|bucket| {
        used_up(text(format!("anthropic-ratelimit-{bucket}-remaining")))
            .then(|| until(text(format!("anthropic-ratelimit-{bucket}-reset"))?.parse().ok()?, headers))?
    });
    durations.chain(times).max()
}

/// A number of seconds as a delay; absent when it is not above zero.
pub(crate) fn seconds(count: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(count).ok().filter(|delay| !delay.is_zero())
}

/// Reads `120ms`, `34.07s`, `6m0s`, `1h2m3.5s`. A bare number is not a duration.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let units: [(&str, f64); 4] = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| tail.starts_with(unit))?;
        sum += number.parse::<f64>().ok()? * factor;
        rest = tail.strip_prefix(unit)?;
    }
    seconds(sum)
}

/// The time from the answer's own `Date` until `moment`; the machine's clock serves where the answer has no date.
fn until(moment: Timestamp, headers: &HeaderMap) -> Option<Duration> {
    let date = headers.get(header::DATE).and_then(|date| http_date(date.to_str().ok()?));
    let delay = moment.since(date.unwrap_or_else(|| SystemClock.now()));
    (!delay.is_zero()).then_some(delay)
}

/// Reads the one form of dates that servers may send (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    format!("{year}-{month:02}-{day:0>2}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn headers_tell_the_delay_in_this_order() {
        let date = ("date", "Sat, 21 Nov 2026 05:00:00 GMT");
        for (pairs, expected) in [
            (vec![("retry-after-ms", "1500"), ("retry-after", "9")], Some(1500)),
            (vec![("retry-after", "1")], Some(1000)),
            (vec![("retry-after", "0.25")], Some(250)),
            (vec![("retry-after", "Sat, 21 Nov 2026 05:00:07 GMT"), date], Some(7000)),
            (vec![("retry-after", "Sat, 21 Nov 2026 04:00:00 GMT"), date], None),
            (vec![("retry-after", "0")], None),
            (vec![("retry-after", "soon")], None),
        ] {
            assert_eq!(from_headers(&headers(&pairs)), expected.map(Duration::from_millis), "{pairs:?}");
        }
    }

    #[test]
    fn only_used_up_buckets_tell_when_they_are_full_again() {
        let found = from_reset_headers(&headers(&[
            ("x-ratelimit-remaining-requests", "5"),
            ("x-ratelimit-reset-requests", "9m"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]));
        assert_eq!(found, Some(Duration::from_secs(360)));
        let found = from_reset_headers(&headers(&[
            ("date", "Sun, 05 Apr 2026 14:28:50 GMT"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-04-05T14:28:55Z"),
        ]));
        assert_eq!(found, Some(Duration::from_secs(5)));
    }

    #[test]
    fn words_tell_the_delay() {
        for (words, expected) in [
            ("Please try again in 1.2s. Visit …", Some(1200)),
            ("Try again in 250ms.", Some(250)),
            ("please try again in 1m30s", Some(90_000)),
            ("Please retry in 34.074824224s.", Some(34_075)),
            ("try again in 20 seconds", Some(20_000)),
            ("try again in 3 minutes", Some(180_000)),
            ("try again later", None),
        ] {
            let found = from_words(words).map(|delay| delay.as_secs_f64());
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found * 1000.0 - f64::from(expected)).abs() < 1.0, "{words}: {found}");
                }
                (found, expected) => assert_eq!(found.is_some(), expected.is_some(), "{words}: {found:?}"),
            }
        }
    }
}
