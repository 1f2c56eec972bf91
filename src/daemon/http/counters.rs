//! Counters of HTTP, for `/metrics`.

use std::cell::Cell;
use std::fmt::{self, Write};

use pacingd::answer::Status;
use pacingd::answer::prometheus::Family;
use pacingd::named;

named! {
    /// The listener; the name is a label of metrics.
    pub(crate) enum Side {
        Visitors => "visitors",
        Operators => "operators",
    }
}

/// Methods that are counted separately.
const METHODS: [&str; 4] = ["GET", "HEAD", "OPTIONS", "other"];

pub(crate) type Counter = Cell<u64>;

pub(crate) fn count(counter: &Counter) {
    counter.update(|count| count + 1);
}

#[derive(Default)]
pub(crate) struct Counts {
    /// Requests by method.
    methods: [Counter; METHODS.len()],
    /// Answers by status, including those of hyper to invalid requests.
    statuses: [Counter; Status::ALL.len()],
    pub(crate) accepted: Counter,
    pub(crate) ended: Counter,
    /// Connections closed because a head did not arrive or an answer was not acknowledged in time,
    /// or because another client needed the place.
    pub(crate) timed_out: Counter,
}

impl Counts {
    pub(crate) fn request(&self, method: &str) {
        let [.., other] = &self.methods;
        let mut known = METHODS.iter().zip(&self.methods);
        count(known.find(|(known, _)| **known == method).map_or(other, |(_, counter)| counter));
    }

    pub(crate) fn requests(&self) -> u64 {
        self.methods.iter().map(Cell::get).sum()
    }

    pub(crate) fn answer(&self, status: u16) {
        let mut counters = Status::ALL.iter().zip(&self.statuses);
        if let Some((_, counter)) = counters.find(|(known, _)| known.code() == status) {
            count(counter);
        }
    }
}

#[derive(Default)]
pub(crate) struct Traffic {
    sides: [Counts; Side::ALL.len()],
    /// Connections not accepted for lack of file descriptors or memory.
    pub(crate) accept_errors: Counter,
}

impl Traffic {
    pub(crate) const fn of(&self, side: Side) -> &Counts {
        &self.sides[side as usize]
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        let mut family = Family::new(out, "pacingd_http_requests_total", "Requests read, by listener and method.")?;
        for side in Side::ALL {
            for (method, counter) in METHODS.iter().zip(&self.of(side).methods) {
                family.sample(&[("side", side.name()), ("method", method)], counter.get())?;
            }
        }
        let help = "Answers given, by listener and status. 431 and some 400 are requests that could not be read.";
        let mut family = Family::new(out, "pacingd_http_responses_total", help)?;
        for side in Side::ALL {
            for (status, counter) in Status::ALL.iter().zip(&self.of(side).statuses) {
                family.sample(&[("side", side.name()), ("code", &status.code().to_string())], counter.get())?;
            }
        }
        let mut per_side = |name, help, value: fn(&Counts) -> u64| {
            let mut family = Family::new(out, name, help)?;
            Side::ALL.into_iter().try_for_each(|side| family.sample(&[("side", side.name())], value(self.of(side))))
        };
        per_side("pacingd_connections_accepted_total", "Connections accepted.", |counts| counts.accepted.get())?;
        let help = "Connections closed because no request came or no answer was taken in time, or because another client needed the place.";
        per_side("pacingd_connections_timed_out_total", help, |counts| counts.timed_out.get())?;
        let open = |counts: &Counts| counts.accepted.get() - counts.ended.get();
        per_side("pacingd_connections_open", "Connections open now.", open)?;
        let help = "Failures to accept a connection: the system has no file descriptors or memory.";
        Family::new(out, "pacingd_connections_accept_errors_total", help)?.value(self.accept_errors.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_and_answer_is_counted_once_and_no_method_is_made_up() {
        let traffic = Traffic::default();
        traffic.of(Side::Visitors).request("GET");
        traffic.of(Side::Visitors).request("BREW");
        traffic.of(Side::Visitors).answer(405);
        count(&traffic.of(Side::Operators).accepted);
        let mut text = String::new();
        traffic.write(&mut text).unwrap();
        for line in [
            "pacingd_http_requests_total{side=\"visitors\",method=\"GET\"} 1\n",
            "pacingd_http_requests_total{side=\"visitors\",method=\"other\"} 1\n",
            "pacingd_http_requests_total{side=\"operators\",method=\"GET\"} 0\n",
            "pacingd_http_responses_total{side=\"visitors\",code=\"405\"} 1\n",
            "pacingd_connections_open{side=\"operators\"} 1\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("BREW"));
    }
}
