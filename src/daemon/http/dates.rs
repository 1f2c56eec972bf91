//! Dates of HTTP (RFC 9110, section 5.6.7).

use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use httpdate::HttpDate;

/// The value of a header with a date, cached for a second. Not hyper's `date`, which uses the
/// standard library's clock: on 32-bit musl that ends in 2038 (see `clock32`).
#[derive(Default)]
pub(crate) struct Date(RefCell<Option<(u64, HeaderValue)>>);

impl Date {
    pub(crate) fn value(&self, since_epoch: Duration) -> HeaderValue {
        let mut last = self.0.borrow_mut();
        match &*last {
            Some((second, value)) if *second == since_epoch.as_secs() => value.clone(),
            _ => {
                let value = HeaderValue::try_from(http_date(since_epoch).to_string());
                last.insert((since_epoch.as_secs(), value.unwrap_or(HeaderValue::from_static("")))).1.clone()
            }
        }
    }
}

/// The date of a time since 1970, at most the end of year 9999.
pub(crate) fn http_date(since_epoch: Duration) -> HttpDate {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    HttpDate::from(UNIX_EPOCH + since_epoch.min(LAST))
}

/// Converts `received`, a time of the daemon's clock like `now`, to the wall clock.
pub(crate) fn on_the_wall(since_epoch: Duration, now: Duration, received: Duration) -> Duration {
    since_epoch.saturating_sub(now.saturating_sub(received))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_modified_is_the_wall_clock_less_the_age_of_the_statistics() {
        let at = Duration::from_millis;
        let date = |epoch, now, received| http_date(on_the_wall(at(epoch), at(now), at(received))).to_string();
        assert_eq!(date(1_795_653_125_000, 90_000, 90_000), "Thu, 26 Nov 2026 00:32:05 GMT");
        assert_eq!(date(1_795_653_125_000, 90_000, 85_000), "Thu, 26 Nov 2026 00:32:00 GMT");
        assert_eq!(date(1_795_653_125_000, 90_000, 84_999), "Thu, 26 Nov 2026 00:31:59 GMT");
        // The clock was set back to 1970.
        assert_eq!(date(3000, 90_000, 10_000), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_date_is_made_anew_with_each_second_and_ends_with_the_year_9999() {
        let date = Date::default();
        for (milliseconds, want) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (999, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1000, "Thu, 01 Jan 1970 00:00:01 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (2_147_483_648_000, "Tue, 19 Jan 2038 03:14:08 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(date.value(Duration::from_millis(milliseconds)), want);
        }
    }
}
