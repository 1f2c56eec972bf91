//! Counts of what happens over HTTP, for `/metrics`: the statistics' side is counted in the core.

use std::cell::Cell;
use std::fmt::{self, Write};

use pacingd::answer::Status;
use pacingd::answer::prometheus::{Family, Kind};

/// Who is asking.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The web tier, or visitors' browsers.
    Visitors,
    /// People and programs that watch the daemon.
    Operators,
}

impl Side {
    /// The name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Operators => "operators",
        }
    }
}

const SIDES: [Side; 2] = [Side::Visitors, Side::Operators];

/// Every status that is answered, and its label.
const STATUSES: [(Status, &str); 8] = [
    (Status::Ok, "200"),
    (Status::NoContent, "204"),
    (Status::BadRequest, "400"),
    (Status::NotFound, "404"),
    (Status::MethodNotAllowed, "405"),
    (Status::RequestHeaderFieldsTooLarge, "431"),
    (Status::NotImplemented, "501"),
    (Status::ServiceUnavailable, "503"),
];

/// Methods that count each; clients can make up others without end.
const METHODS: [&str; 4] = ["GET", "HEAD", "OPTIONS", "other"];

/// What is counted of each side.
#[derive(Default)]
struct Counts {
    methods: [Cell<u64>; METHODS.len()],
    statuses: [Cell<u64>; STATUSES.len()],
    accepted: Cell<u64>,
    ended: Cell<u64>,
    timed_out: Cell<u64>,
}

/// All counts since the daemon started.
#[derive(Default)]
pub(crate) struct Traffic {
    sides: [Counts; SIDES.len()],
    accept_errors: Cell<u64>,
}

fn add(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Traffic {
    fn of(&self, side: Side) -> &Counts {
        let [visitors, operators] = &self.sides;
        match side {
            Side::Visitors => visitors,
            Side::Operators => operators,
        }
    }

    /// A request was read, and will be answered.
    pub(crate) fn request(&self, side: Side, method: &str) {
        let place = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        if let Some(counter) = self.of(side).methods.get(place) {
            add(counter);
        }
    }

    /// Requests read so far.
    pub(crate) fn requests(&self, side: Side) -> u64 {
        self.of(side).methods.iter().map(Cell::get).sum()
    }

    /// An answer was given: by the daemon, or by hyper to what is no request.
    pub(crate) fn answer(&self, side: Side, status: Status) {
        let mut counters = STATUSES.iter().zip(&self.of(side).statuses);
        if let Some((_, counter)) = counters.find(|((known, _), _)| *known == status) {
            add(counter);
        }
    }

    /// A connection was accepted.
    pub(crate) fn connection_began(&self, side: Side) {
        add(&self.of(side).accepted);
    }

    /// It is over, for whatever reason.
    pub(crate) fn connection_ended(&self, side: Side) {
        add(&self.of(side).ended);
    }

    /// It was closed because its client did not send a request's head or take an answer in time, or because another client
    /// needed the place.
    pub(crate) fn connection_timed_out(&self, side: Side) {
        add(&self.of(side).timed_out);
    }

    /// The system has no file descriptors or memory for a connection.
    pub(crate) fn accept_failed(&self) {
        add(&self.accept_errors);
    }

    /// Writes all of it for Prometheus.
    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        let help = "Requests read, by listener and method.";
        let mut family = Family::new(out, "pacingd_http_requests_total", Kind::Counter, help)?;
        for side in SIDES {
            for (method, counter) in METHODS.iter().zip(&self.of(side).methods) {
                family.sample(&[("side", side.name()), ("method", method)], counter.get())?;
            }
        }
        let help = "Answers given, by listener and status. 431 and some 400 are requests that could not be read.";
        let mut family = Family::new(out, "pacingd_http_responses_total", Kind::Counter, help)?;
        for side in SIDES {
            for ((_, code), counter) in STATUSES.iter().zip(&self.of(side).statuses) {
                family.sample(&[("side", side.name()), ("code", code)], counter.get())?;
            }
        }
        let per_side = |out: &mut _, name, kind, help, value: fn(&Counts) -> u64| {
            let mut family = Family::new(out, name, kind, help)?;
            SIDES.into_iter().try_for_each(|side| family.sample(&[("side", side.name())], value(self.of(side))))
        };
        let help = "Connections accepted.";
        let accepted = |counts: &Counts| counts.accepted.get();
        per_side(out, "pacingd_connections_accepted_total", Kind::Counter, help, accepted)?;
        let help = "Connections closed because no request came or no answer was taken in time, or because another client needed the place.";
        let timed_out = |counts: &Counts| counts.timed_out.get();
        per_side(out, "pacingd_connections_timed_out_total", Kind::Counter, help, timed_out)?;
        let help = "Connections open now.";
        let open = |counts: &Counts| counts.accepted.get() - counts.ended.get();
        per_side(out, "pacingd_connections_open", Kind::Gauge, help, open)?;
        let help = "Failures to accept a connection: the system has no file descriptors or memory.";
        Family::new(out, "pacingd_connections_accept_errors_total", Kind::Counter, help)?
            .value(self.accept_errors.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_and_answer_is_counted_once_and_no_method_is_made_up() {
        let traffic = Traffic::default();
        traffic.request(Side::Visitors, "GET");
        traffic.request(Side::Visitors, "BREW");
        traffic.answer(Side::Visitors, Status::MethodNotAllowed);
        traffic.connection_began(Side::Operators);
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
