//! What `/status` says, as JSON: the settings that matter, the counters, and each group with why its reactive state is
//! what it is. Written as a stream: up to 256 groups of at most
//! [`GROUP_BYTES`] each.

use core::fmt::{self, Display, Formatter, Write};
use core::time::Duration;

use crate::answer::explanation::Why;
use crate::answer::json_text::JsonText;
use crate::counters::{Distrust, Outcome};
use crate::groups::Group;
use crate::limits::GROUPS;
use crate::pacing::OptimizationTarget;
use crate::state::{Settings, State};

/// Fractions are told to so many parts of one: finer differences are noise.
const PARTS: f64 = 1e4;
/// Above this, numbers are told with an exponent: nobody reads hundreds of digits.
const LARGEST: f64 = 1e15;

/// Bytes of one group at the most, every number at its widest.
pub const GROUP_BYTES: usize = 1300;

/// What the daemon says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Version of the program.
    pub version: &'a str,
    /// How long it has run.
    pub uptime: Duration,
    /// When its certificate expires, as HTTP writes dates; `None` without HTTPS.
    pub certificate_expires: Option<&'a str>,
}

/// Writes all of it.
///
/// # Errors
///
/// `out` takes no more.
pub fn write(out: &mut impl Write, state: &State, now: Duration, about: About<'_>) -> fmt::Result {
    let Settings { pacing, time_to_live, .. } = state.settings();
    write!(out, r#"{{"version":"{}","uptime":{},"#, about.version, about.uptime.as_secs())?;
    if let Some(date) = about.certificate_expires {
        write!(out, r#""certificateExpires":"{date}","#)?;
    }
    write!(out, r#""algorithm":"{}","optimizationTarget":"{}","#, pacing.algorithm, pacing.optimization_target)?;
    write!(
        out,
        r#""optimizationGoal":{},"proactiveRatio":{},"refreshPeriod":{},"timeToLive":{},"#,
        pacing.optimization_goal,
        pacing.proactive_ratio,
        pacing.refresh_period.as_secs_f64(),
        time_to_live.as_secs_f64()
    )?;
    let counters = state.counters();
    write!(out, r#""datagrams":{},"lines":{{"received":{}"#, counters.datagrams(), counters.received())?;
    for outcome in Outcome::ALL {
        write!(out, r#","{}":{}"#, outcome.name(), counters.lines(outcome))?;
    }
    out.write_str(r#"},"distrusted":{"#)?;
    for (index, distrust) in Distrust::ALL.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(out, r#"{comma}"{}":{}"#, distrust.name(), counters.distrusted(distrust))?;
    }
    write!(out, r#"}},"places":{GROUPS},"groups":["#)?;
    for (index, group) in state.groups().all().iter().enumerate() {
        out.write_str(if index == 0 { "\n" } else { ",\n" })?;
        write_group(out, group, now, state.settings())?;
    }
    out.write_str("]}\n")
}

fn write_group(out: &mut impl Write, group: &Group, now: Duration, settings: &Settings) -> fmt::Result {
    write!(out, r#"{{"channel":"{}","group":""#, group.channel())?;
    JsonText(out).write_str(group.name().as_str())?;
    let fresh = group.fresh_report(now, settings.time_to_live);
    write!(out, r#"","declared":{},"fresh":{}"#, group.is_declared(), fresh.is_some())?;
    let age = group.report().map(|report| now.saturating_sub(report.received).as_secs_f64());
    write!(out, r#","age":{}"#, Or(age.map(Rounded)))?;
    let statistics = group.report().map(|report| report.statistics).unwrap_or_default();
    write!(out, r#","ready":{}"#, Or(group.report().map(|report| report.statistics.ready)))?;
    for (name, count) in [
        ("loggedIn", statistics.logged_in),
        ("slots", statistics.slots),
        ("freeSlots", statistics.free_slots),
        ("reactive", statistics.reactive),
        ("proactive", statistics.proactive),
        ("queued", statistics.queued),
        ("invitationsPending", statistics.invitations_pending),
    ] {
        write!(out, r#","{name}":{}"#, Or(count))?;
    }
    for (name, total) in [
        ("reactiveEntered", statistics.reactive_entered),
        ("proactiveEntered", statistics.proactive_entered),
        ("abandoned", statistics.abandoned),
        ("invitationsSent", statistics.invitations_sent),
        ("invitationsAccepted", statistics.invitations_accepted),
        ("time", statistics.time),
    ] {
        write!(out, r#","{name}":{}"#, Or(total))?;
    }
    write!(out, r#","handleTime":{}"#, Or(statistics.handle_time.map(Rounded)))?;
    write!(out, r#","busyFactor":{}"#, Or(group.busy_factor(&settings.pacing).map(Rounded)))?;
    let entries = group.last_hour().entries(now);
    write!(
        out,
        r#","lastHour":{{"entered":{},"abandoned":{},"abandonment":{}}},"overGoal":{}"#,
        entries.entered,
        entries.abandoned,
        Or(entries.abandonment().map(Rounded)),
        settings.pacing.optimization_target == OptimizationTarget::AbandonmentRate
            && entries.misses(settings.pacing.optimization_goal / 100.0)
    )?;
    // A prediction made of statistics that are stale by now is served to nobody.
    let prediction = fresh.and(group.prediction());
    let state = prediction.and_then(|prediction| prediction.reactive_state);
    let demand = prediction.and_then(|prediction| prediction.reactive_demand);
    let allowance = prediction.and_then(|prediction| prediction.proactive_allowance);
    write!(out, r#","offeredDemand":{}"#, Or(demand.map(Rounded)))?;
    write!(out, r#","admittedDemand":{}"#, Or(demand.zip(state).map(|(demand, state)| Rounded(demand * state))))?;
    write!(out, r#","reactiveState":{}"#, Or(state.map(Rounded)))?;
    write!(out, r#","proactiveAllowance":{}"#, Or(allowance.map(Rounded)))?;
    let why = Why::of(group, now, settings);
    write!(out, r#","reason":"{}","why":""#, why.name())?;
    write!(JsonText(out), "{why}")?;
    out.write_str("\"}")
}

/// A value, or `null`.
struct Or<T>(Option<T>);

impl<T: Display> Display for Or<T> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(formatter),
            None => formatter.write_str("null"),
        }
    }
}

/// A number as JSON has it.
struct Rounded(f64);

impl Display for Rounded {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            none if !none.is_finite() => formatter.write_str("null"),
            large if large.abs() > LARGEST => write!(formatter, "{large:e}"),
            number => write!(formatter, "{}", libm::round(number * PARTS) / PARTS),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};

    use super::*;
    use crate::pacing::Options;
    use crate::wire::jws::Keys;

    fn state() -> State {
        let sources = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
        State::new(Settings {
            pacing: Options::default(),
            time_to_live: Duration::from_secs(30),
            sources,
            keys: Keys::default(),
        })
    }

    fn receive(state: &mut State, seconds: u64, line: &str) {
        let now = Duration::from_secs(seconds);
        state.receive(now, Duration::ZERO, "127.0.0.1".parse().unwrap(), line.as_bytes(), |_, fault| panic!("{fault}"));
    }

    fn told(state: &State, seconds: u64) -> serde_json::Result<String> {
        let mut text = String::new();
        let about = About { version: "1.2.3", uptime: Duration::from_secs(7), certificate_expires: None };
        write(&mut text, state, Duration::from_secs(seconds), about).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).map(|_| text)
    }

    #[test]
    fn each_group_is_told_with_its_statistics_and_why() {
        let mut state = state();
        receive(&mut state, 1, r#"{"channel":"chat","group":"a\"b\\","ready":4,"loggedIn":12,"queued":3}"#);
        let all = r#""loggedIn":12,"slots":36,"freeSlots":30,"reactive":5,"proactive":1,"queued":3,"invitationsPending":2,"reactiveEntered":10,"proactiveEntered":11,"abandoned":12,"invitationsSent":13,"invitationsAccepted":14,"time":1790000000000,"handleTime":312.5"#;
        receive(&mut state, 1, &std::format!(r#"{{"channel":"chat","group":"b",{all},"ready":4}}"#));
        let text = told(&state, 3).unwrap();
        assert!(text.contains(all), "{all} in {text}");
        for part in [
            r#""group":"a\"b\\","declared":false,"fresh":true,"age":2,"ready":4,"loggedIn":12,"#,
            r#""queued":3,"invitationsPending":null"#,
            r#""handleTime":null,"busyFactor":0.6667,"lastHour":{"entered":0,"abandoned":0,"abandonment":null}"#,
            r#""reactiveState":1,"#,
            r#""reason":"fewStatistics","why":"open while"#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let text = told(&state, 43).unwrap();
        for part in [
            r#""fresh":false,"age":42,"#,
            r#""reactiveState":null,"#,
            r#""reason":"silent","why":"no statistics for 42 s""#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_last_hour_s_abandonment_is_what_the_totals_grew_by() {
        let mut state = state();
        for (second, entered, abandoned) in [(1, 1000, 100), (2, 1050, 101), (3, 1100, 104)] {
            let line = std::format!(
                r#"{{"channel":"chat","group":"A","ready":0,"loggedIn":1,"reactive":1,"queued":50,"reactiveEntered":{entered},"abandoned":{abandoned}}}"#
            );
            receive(&mut state, second, &line);
            state.refresh(Duration::from_secs(second), 99);
        }
        let text = told(&state, 4).unwrap();
        for part in [
            r#""lastHour":{"entered":100,"abandoned":4,"abandonment":0.04}"#,
            "holding back: abandonment 4.0 % over goal 3 %",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_full_table_of_the_widest_groups_stays_within_its_bound() {
        let mut state = state();
        for index in 0..GROUPS {
            let name = std::format!("{index:03}{}", "\\\"".repeat(61));
            let line = std::format!(
                r#"{{"channel":"webcallback","group":"{name}","ready":1000000,"loggedIn":1000000,"slots":1000000,"freeSlots":999999,"reactive":1000000,"proactive":1000000,"queued":1000000,"handleTime":86399.123456,"reactiveEntered":9007199254740991,"proactiveEntered":9007199254740991,"abandoned":9007199254740991,"invitationsSent":9007199254740991,"invitationsAccepted":9007199254740991,"invitationsPending":1000000,"time":9007199254740991}}"#
            );
            receive(&mut state, 1, &line);
        }
        let text = told(&state, 1).unwrap();
        let widest = text.lines().skip(1).map(str::len).max().unwrap();
        assert!(widest <= GROUP_BYTES, "{widest}");
        assert_eq!(text.lines().count(), 1 + GROUPS);
    }

    #[test]
    fn numbers_are_short_and_always_json() {
        for (number, want) in [(1.0 / 3.0, "0.3333"), (2.0, "2"), (1e300, "1e300"), (f64::NAN, "null"), (1e-9, "0")] {
            assert_eq!(Rounded(number).to_string(), want);
        }
    }
}
