//! `/status` as JSON: settings, counters, and each group with the reason for its state.

use alloc::string::{String, ToString as _};
use core::fmt::{self, Write};
use core::time::Duration;

use serde_json::{Map, Value, json};

use crate::answer::explanation::Explanation;
use crate::counters::{Distrust, Outcome};
use crate::groups::Group;
use crate::limits::GROUPS;
use crate::state::State;

/// Fractions are rounded to ten-thousandths; finer differences are noise.
const PARTS: f64 = 1e4;
/// The largest whole number that is written without a fraction.
const LARGEST: f64 = 1e15;

/// The most bytes of one group: the widest numbers and the longest texts.
pub const GROUP_BYTES: usize = 2600;

/// What only the daemon knows.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub version: &'a str,
    pub uptime: Duration,
    /// Time since 1970.
    pub started: Duration,
    /// As a date of HTTP; `None` without HTTPS.
    pub certificate_expires: Option<&'a str>,
}

pub fn write(out: &mut impl Write, state: &State, now: Duration, about: About<'_>) -> fmt::Result {
    let (settings, counters) = (state.settings(), &state.counters);
    let mut lines: Map<_, _> =
        Outcome::ALL.into_iter().map(|outcome| (outcome.to_string(), counters.lines(outcome).into())).collect();
    lines.insert("received".into(), counters.received().into());
    let distrusted: Map<String, Value> =
        Distrust::ALL.into_iter().map(|why| (why.to_string(), counters.distrusted(why).into())).collect();
    let mut document = json!({
        "version": about.version,
        "uptime": about.uptime.as_secs(),
        "started": about.started.as_secs(),
        "algorithm": settings.pacing.algorithm.name(),
        "optimizationTarget": settings.pacing.optimization_target.name(),
        "optimizationGoal": number(settings.pacing.optimization_goal),
        "abandonmentCost": number(settings.pacing.abandonment_cost),
        "proactiveRatio": settings.pacing.proactive_ratio,
        "refreshPeriod": number(settings.pacing.refresh_period.as_secs_f64()),
        "timeToLive": number(settings.time_to_live.as_secs_f64()),
        "datagrams": counters.datagrams,
        "droppedByKernel": counters.dropped_by_kernel,
        "lines": lines,
        "distrusted": distrusted,
        "lastDropped": state.dropped.as_ref().map(|dropped| json!({
            "age": age(now, dropped.received),
            "sender": dropped.sender.to_string(),
            "outcome": dropped.fault.outcome().name(),
            "why": dropped.fault.to_string(),
        })),
        "places": GROUPS,
    });
    if let Some(date) = about.certificate_expires {
        document["certificateExpires"] = date.into();
    }
    // The groups are the last member.
    write!(out, "{},\"groups\":[", document.to_string().strip_suffix('}').unwrap_or_default())?;
    for (index, group) in state.groups().all().iter().enumerate() {
        write!(out, "{}{}", if index == 0 { "\n" } else { ",\n" }, of_group(group, now, state))?;
    }
    out.write_str("]}\n")
}

fn of_group(group: &Group, now: Duration, state: &State) -> Value {
    let settings = state.settings();
    let report = group.report();
    let fresh = group.fresh_report(now, settings.time_to_live);
    let statistics = report.map(|report| report.statistics).unwrap_or_default();
    let entries = group.last_hour.entries(now);
    // A prediction from stale statistics is not served.
    let prediction = fresh.and(group.prediction());
    let probability = prediction.and_then(|prediction| prediction.reactive_state);
    let demand = prediction.and_then(|prediction| prediction.reactive_demand);
    let Explanation { name, text } = Explanation::of(state, group, now);
    json!({
        "channel": group.channel.name(),
        "group": group.name.as_str(),
        "declared": group.declared,
        "fresh": fresh.is_some(),
        "dormant": group.is_dormant(now),
        "age": report.map(|report| age(now, report.received)),
        "ready": report.map(|report| report.statistics.ready),
        "loggedIn": statistics.logged_in,
        "slots": statistics.slots,
        "freeSlots": statistics.free_slots,
        "reactive": statistics.reactive,
        "proactive": statistics.proactive,
        "queued": statistics.queued,
        "invitationsPending": statistics.invitations_pending,
        "reactiveEntered": statistics.reactive_entered,
        "proactiveEntered": statistics.proactive_entered,
        "abandoned": statistics.abandoned,
        "invitationsSent": statistics.invitations_sent,
        "invitationsAccepted": statistics.invitations_accepted,
        "time": statistics.time,
        "handleTime": statistics.handle_time.map(number),
        "busyFactor": group.busy_factor(&settings.pacing).map(number),
        "lastHour": {
            "entered": entries.entered,
            "abandoned": entries.abandoned,
            "abandonment": entries.abandonment().map(number),
        },
        "overGoal": group.is_over_goal(now, settings),
        "offeredDemand": demand.map(number),
        "admittedDemand": demand.zip(probability).map(|(demand, state)| number(demand * state)),
        "reactiveState": probability.map(number),
        "proactiveAllowance": prediction.and_then(|prediction| prediction.proactive_allowance).map(number),
        "dropped": group.untimely.map(|untimely| json!({
            "lines": untimely.lines,
            "age": age(now, untimely.received),
            "why": untimely.refusal.distrust().map_or(Outcome::Late.name(), Distrust::name),
        })),
        "contradiction": group.contradiction(state.wall_at_zero()),
        "reason": name,
        "why": text,
    })
}

fn age(now: Duration, received: Duration) -> Value {
    number(now.saturating_sub(received).as_secs_f64())
}

/// A rounded number; `null` if it is not finite.
fn number(number: f64) -> Value {
    let rounded = libm::round(number * PARTS) / PARTS;
    if libm::trunc(rounded).to_bits() == rounded.to_bits() && rounded.abs() <= LARGEST {
        (rounded as i64).into()
    } else {
        rounded.into()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};

    use super::*;
    use crate::settings::Settings;

    fn state() -> State {
        State::new(Settings::default())
    }

    fn receive(state: &mut State, seconds: u64, line: &str) {
        let now = Duration::from_secs(seconds);
        state.receive(now, Duration::ZERO, "127.0.0.1".parse().unwrap(), line.as_bytes(), |_, fault| panic!("{fault}"));
    }

    fn document(state: &State, seconds: u64) -> serde_json::Result<Value> {
        serde_json::from_str(&text(state, seconds))
    }

    /// Checks that `object` has all members of `want`, an object.
    fn assert_has(object: &Value, want: &str) {
        for (name, want) in serde_json::from_str::<Value>(want).unwrap().as_object().unwrap() {
            assert_eq!(&object[name], want, "{name} in {object}");
        }
    }

    fn text(state: &State, seconds: u64) -> String {
        let mut text = String::new();
        let (uptime, started) = (Duration::from_secs(7), Duration::from_secs(1_790_000_000));
        let about = About { version: "1.2.3", uptime, started, certificate_expires: None };
        write(&mut text, state, Duration::from_secs(seconds), about).unwrap();
        text
    }

    #[test]
    fn each_group_has_its_statistics_and_its_reason() {
        let mut state = state();
        receive(&mut state, 1, r#"{"channel":"chat","group":"a\"b\\","ready":4,"loggedIn":12,"queued":0}"#);
        let all = r#""ready":4,"loggedIn":12,"slots":36,"freeSlots":30,"reactive":5,"proactive":1,"queued":3,"invitationsPending":2,"reactiveEntered":10,"proactiveEntered":11,"abandoned":12,"invitationsSent":13,"invitationsAccepted":14,"time":1790000000000,"handleTime":312.5"#;
        receive(&mut state, 1, &std::format!(r#"{{"channel":"chat","group":"b",{all}}}"#));
        let [first, second] = [0, 1].map(|index| document(&state, 3).unwrap()["groups"][index].clone());
        assert_has(&second, &std::format!("{{{all}}}"));
        assert_has(
            &first,
            r#"{"channel":"chat","group":"a\"b\\","declared":false,"fresh":true,"dormant":false,"age":2,"ready":4,"loggedIn":12,
                "queued":0,"invitationsPending":null,"handleTime":null,"busyFactor":0.6667,
                "lastHour":{"entered":0,"abandoned":0,"abandonment":null},"reactiveState":1,"dropped":null,
                "contradiction":null,"reason":"fewStatistics"}"#,
        );
        assert!(first["why"].as_str().unwrap().starts_with("open: 4 ready, 0 queued; "), "{first}");
        let stale = document(&state, 43).unwrap()["groups"][0].clone();
        assert_has(
            &stale,
            r#"{"fresh":false,"dormant":false,"age":42,"reactiveState":null,"reason":"silent",
                "why":"no statistics for 42 s"}"#,
        );
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
        let group = document(&state, 4).unwrap()["groups"][0].clone();
        assert_has(
            &group,
            r#"{"lastHour":{"entered":100,"abandoned":4,"abandonment":0.04},
                "why":"holding back: abandonment 4.0 % over goal 3 %"}"#,
        );
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
        let text = text(&state, 1);
        let widest = text.lines().skip(1).map(str::len).max().unwrap();
        assert!(widest <= GROUP_BYTES, "{widest}");
        assert_eq!(text.lines().count(), 1 + GROUPS);
    }

    #[test]
    fn numbers_are_short_and_always_json() {
        for (number, want) in [(1.0 / 3.0, "0.3333"), (2.0, "2"), (1e300, "1e+300"), (f64::NAN, "null"), (1e-9, "0")] {
            assert_eq!(super::number(number).to_string(), want);
        }
    }
}
