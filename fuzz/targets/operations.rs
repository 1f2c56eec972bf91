//! Sequences of operations on table and engine (statistics, refreshes, queries, time that passes,
//! reloads) against a model that is naive enough to be right: a map from names to the last accepted
//! line and the late ones after it.
#![no_main]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pacingd::answer::{Status, answer};
use pacingd::counters::Outcome;
use pacingd::limits::GROUPS;
use pacingd::pacing::{Algorithm, Options};
use pacingd::settings::Settings;
use pacingd::state::State;
use pacingd::wire::channel::Channel;
use pacingd::wire::group_name::GroupName;
use pacingd::wire::jws::{Key, Keys};

/// Wall clock at the beginning, Unix milliseconds.
const WALL: u64 = 1_790_000_000_000;

#[derive(Arbitrary, Debug)]
enum Operation {
    /// One line: group, agents, and how far its time is from the clock, in milliseconds.
    Line { group: u8, ready: u8, more: More, time: Option<i32>, is_signed: bool },
    /// One datagram with `count` groups from `first` on.
    Lines { first: u8, count: u8 },
    /// That many milliseconds pass.
    Wait(u16),
    /// That many minutes pass.
    WaitLong(u8),
    /// The wall clock is set by that many seconds.
    SetClock(i16),
    /// Due predictions are made, that many at a time.
    Refresh(u8),
    /// All of a channel is asked for.
    AskAll(bool),
    /// These groups are asked for.
    Ask(bool, Vec<u8>),
    /// The configuration is read again.
    Configure { seconds: u8, declared: Vec<u8>, algorithm: u8, is_signed: bool },
}

#[derive(Arbitrary, Debug)]
struct More {
    logged_in: Option<u8>,
    reactive: Option<u8>,
    queued: Option<u16>,
    entered: Option<u32>,
    abandoned: Option<u32>,
    handle_time: Option<u16>,
    state: Option<u8>,
}

#[derive(Clone, Default)]
struct Known {
    is_declared: bool,
    /// When the last line was accepted, its time, ready agents, and the reactive state it has.
    last: Option<(u64, Option<u64>, u32, Option<f64>)>,
    /// When the first refused line since was received, and the latest time of all.
    untimely: Option<(u64, u64)>,
}

struct Model {
    now: u64,
    wall: u64,
    time_to_live: u64,
    /// The longest since lines are signed.
    longest: u64,
    /// The latest time of the groups that lost their places.
    replaced_until: u64,
    is_signed: bool,
    /// Whether predictions were made since the algorithm was set.
    is_predicted: bool,
    groups: BTreeMap<(Channel, String), Known>,
}

impl Model {
    fn is_fresh(&self, known: &Known) -> bool {
        known.last.is_some_and(|(at, ..)| self.now - at <= self.time_to_live)
    }

    /// Makes a place: of the undeclared groups, stale ones only unless `any`, the one that is
    /// silent longest loses its own.
    fn make_place(&mut self, any: bool) -> bool {
        if self.groups.len() < GROUPS {
            return true;
        }
        let may_go = |known: &&Known| !known.is_declared && (any || !self.is_fresh(known));
        let candidates = self.groups.iter().filter(|(_, known)| may_go(known));
        let silent_longest = candidates.min_by_key(|(_, known)| known.last.map(|(at, ..)| at));
        let Some(key) = silent_longest.map(|(key, _)| key.clone()) else { return false };
        let time = self.groups.remove(&key).and_then(|known| known.last).and_then(|(_, time, ..)| time);
        self.replaced_until = self.replaced_until.max(time.unwrap_or(0));
        true
    }

    /// Whether a line can follow one with the time `last`.
    fn follows(&self, last: u64, time: u64, untimely: Option<(u64, u64)>) -> bool {
        if self.is_signed {
            // A last line that is later than any line can be was accepted while the clock was
            // ahead.
            time > last || last > self.wall + self.longest
        } else {
            time >= last || untimely.is_some_and(|(since, latest)| time > latest && self.now - since >= 3000)
        }
    }

    fn line(&mut self, key: (Channel, String), ready: u32, time: Option<u64>, state: Option<f64>) -> Outcome {
        let now = self.now;
        let refuse = |known: &mut Known, time: u64| {
            let (since, latest) = known.untimely.unwrap_or((now, time));
            known.untimely = Some((since, latest.max(time)));
        };
        if self.is_signed {
            let Some(time) = time else { return Outcome::Malformed };
            if time.abs_diff(self.wall) > self.time_to_live {
                self.groups.get_mut(&key).into_iter().for_each(|known| refuse(known, time));
                return Outcome::Replayed;
            }
        }
        if !self.groups.contains_key(&key) {
            let is_replay = time.is_some_and(|time| self.is_signed && !self.follows(self.replaced_until, time, None));
            if is_replay {
                return Outcome::Replayed;
            }
            if !self.make_place(false) {
                return Outcome::TableFull;
            }
        }
        let known = self.groups.get(&key).cloned().unwrap_or_default();
        let last_time = known.last.and_then(|(_, last, ..)| last);
        let follows = last_time.zip(time).is_none_or(|(last, time)| self.follows(last, time, known.untimely));
        let is_signed = self.is_signed;
        let known = self.groups.entry(key).or_default();
        if !follows {
            refuse(known, time.unwrap());
            return if is_signed { Outcome::Replayed } else { Outcome::Late };
        }
        (known.last, known.untimely) = (Some((now, time.or(last_time), ready, state)), None);
        Outcome::Accepted
    }
}

/// Groups of both channels, with names that want encoding among them.
fn named(number: u8) -> (Channel, String) {
    (Channel::ALL[usize::from(number % 2)], format!("ü {}", number / 2))
}

fn key() -> Key {
    Key::new(&[3; 32]).unwrap()
}

fn settings(seconds: u64, algorithm: Algorithm, is_signed: bool) -> Settings {
    let mut keys = Keys::default();
    assert!(!is_signed || keys.push(key()));
    let pacing = Options { algorithm, ..Options::default() };
    Settings { pacing, time_to_live: Duration::from_secs(seconds), keys, ..Settings::default() }
}

fuzz_target!(|operations: Vec<Operation>| {
    let mut algorithm = Algorithm::External;
    let mut state = Box::new(State::new(settings(30, algorithm, false)));
    let mut model = Model {
        now: 1000,
        wall: WALL,
        time_to_live: 30_000,
        longest: 30_000,
        replaced_until: 0,
        is_signed: false,
        is_predicted: true,
        groups: BTreeMap::new(),
    };
    for operation in operations {
        match operation {
            Operation::Line { group, ready, more, time, is_signed } => {
                let time = time.map(|more| model.wall.saturating_add_signed(more.into()));
                line(&mut state, &mut model, group, ready, &more, time, is_signed);
            }
            Operation::Lines { first, count } => {
                for group in first..first.saturating_add(count) {
                    let time = Some(model.wall);
                    line(&mut state, &mut model, group, 1, &NOTHING, time, true);
                }
            }
            Operation::Wait(milliseconds) => pass(&mut model, milliseconds.into()),
            Operation::WaitLong(minutes) => pass(&mut model, u64::from(minutes) * 60_000),
            Operation::SetClock(seconds) => model.wall = model.wall.saturating_add_signed(i64::from(seconds) * 1000),
            Operation::Refresh(at_most) => refresh(&mut state, &mut model, at_most),
            Operation::AskAll(is_chat) => ask(&mut state, &model, algorithm, Channel::ALL[usize::from(is_chat)], &[]),
            Operation::Ask(is_chat, groups) => {
                ask(&mut state, &model, algorithm, Channel::ALL[usize::from(is_chat)], &groups);
            }
            Operation::Configure { seconds, declared, algorithm: number, is_signed } => {
                algorithm = Algorithm::ALL[usize::from(number) % Algorithm::ALL.len()];
                let seconds = u64::from(seconds) * 14 + 1;
                configure(&mut state, &mut model, settings(seconds, algorithm, is_signed), &declared);
            }
        }
    }
    ask(&mut state, &model, algorithm, Channel::Chat, &[]);
});

const NOTHING: More = More {
    logged_in: None,
    reactive: None,
    queued: None,
    entered: None,
    abandoned: None,
    handle_time: None,
    state: None,
};

fn pass(model: &mut Model, milliseconds: u64) {
    model.now += milliseconds;
    model.wall += milliseconds;
}

fn now(model: &Model) -> Duration {
    Duration::from_millis(model.now)
}

fn line(state: &mut State, model: &mut Model, group: u8, ready: u8, more: &More, time: Option<u64>, is_signed: bool) {
    let (channel, name) = named(group);
    let mut text = format!(r#"{{"channel":"{channel}","group":"{name}","ready":{ready}"#);
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(r#","{name}":{value}"#));
        }
    };
    let share = more.state.map(|state| f64::from(state) / 255.0);
    field("loggedIn", more.logged_in.map(|value| value.to_string()));
    field("reactive", more.reactive.map(|value| value.to_string()));
    field("queued", more.queued.map(|value| value.to_string()));
    field("reactiveEntered", more.entered.map(|value| value.to_string()));
    field("abandoned", more.abandoned.map(|value| value.to_string()));
    field("handleTime", more.handle_time.filter(|value| *value > 0).map(|value| value.to_string()));
    field("reactiveState", share.map(|value| value.to_string()));
    field("time", time.map(|value| value.to_string()));
    text.push('}');
    let want = match (model.is_signed, is_signed) {
        (true, false) => Outcome::Unsigned,
        (false, true) | (false, false) | (true, true) => model.line((channel, name), ready.into(), time, share),
    };
    if model.is_signed && is_signed {
        text = key().sign(text.as_bytes()).unwrap().as_str().into();
    }
    let before = state.counters.clone();
    let wall = Duration::from_millis(model.wall);
    let mut fault = None;
    let source = Ipv4Addr::LOCALHOST.into();
    state.receive(now(model), wall, source, text.as_bytes(), |_, why| fault = Some(why.to_string()));
    assert_eq!(state.counters.lines(want), before.lines(want) + 1, "{want:?}, but: {fault:?}");
    assert_eq!(state.counters.received(), before.received() + 1);
}

fn refresh(state: &mut State, model: &mut Model, at_most: u8) {
    model.is_predicted = true;
    let mut turns = 0;
    while state.refresh(now(model), usize::from(at_most) + 1) {
        turns += 1;
        assert!(turns <= GROUPS, "refreshes do not end");
    }
    if let Some(wakeup) = state.next_wakeup(now(model)) {
        assert!(wakeup > now(model), "nothing is left due");
    }
}

fn configure(state: &mut State, model: &mut Model, settings: Settings, declared: &[u8]) {
    model.time_to_live = settings.time_to_live.as_millis() as u64;
    model.is_signed = !settings.keys.is_empty();
    model.longest = if model.is_signed { model.longest.max(model.time_to_live) } else { model.time_to_live };
    model.is_predicted = false;
    let names: Vec<(Channel, GroupName)> = declared
        .iter()
        .map(|number| named(*number))
        .map(|(channel, name)| (channel, GroupName::new(&name).unwrap()))
        .collect();
    let keys: Vec<(Channel, String)> =
        names.iter().map(|(channel, name)| (*channel, name.as_str().to_owned())).collect();
    model.groups.iter_mut().for_each(|(key, known)| known.is_declared = keys.contains(key));
    model.groups.retain(|_, known| known.is_declared || known.last.is_some());
    for key in keys {
        if model.groups.contains_key(&key) || model.make_place(true) {
            model.groups.entry(key).or_default().is_declared = true;
        }
    }
    state.configure(settings, names.iter().map(|(channel, name)| (*channel, name)));
    let declared = state.groups().all().iter().filter(|group| group.declared).count();
    assert_eq!(declared, model.groups.values().filter(|known| known.is_declared).count());
}

fn ask(state: &mut State, model: &Model, algorithm: Algorithm, channel: Channel, groups: &[u8]) {
    let mut asked: Vec<String> = groups.iter().map(|number| format!("ü {}", number / 2)).collect();
    asked.truncate(32);
    let encoded: String =
        asked.iter().map(|name| format!("&groups={}", name.replace('ü', "%C3%BC").replace(' ', "+"))).collect();
    let query = format!("channel={channel}{encoded}");
    let key = |name: &String| (channel, name.clone());
    let unknown = asked.iter().any(|name| !model.groups.contains_key(&key(name)));
    asked.sort();
    asked.dedup();
    let fresh: Vec<&Known> = model
        .groups
        .iter()
        .filter(|((of, name), known)| {
            *of == channel && model.is_fresh(known) && (groups.is_empty() || asked.contains(name))
        })
        .map(|(_, known)| known)
        .collect();

    let capacity = answer(state, now(model), "GET", "/backend/data/pacing/channelCapacity", &query);
    if unknown {
        return assert_eq!(capacity.status, Status::NotFound, "{query}: {}", capacity.body);
    }
    if fresh.is_empty() {
        return assert_eq!(capacity.status, Status::ServiceUnavailable, "{query}: {}", capacity.body);
    }
    let sum: u64 = fresh.iter().filter_map(|known| known.last).map(|(_, _, ready, _)| u64::from(ready)).sum();
    assert_eq!(capacity.body.as_str(), format!(r#"{{"capacity":{sum}}}"#), "{query}");
    let oldest = fresh.iter().filter_map(|known| known.last).map(|(at, ..)| at).min().unwrap();
    assert_eq!(capacity.received, Some(Duration::from_millis(oldest)));

    let answer = answer(state, now(model), "GET", "/backend/data/pacing/reactiveState", &query);
    if matches!(algorithm, Algorithm::SuperProgressive | Algorithm::PredictiveB) {
        return assert_eq!(answer.status, Status::NotImplemented);
    }
    if answer.status == Status::Ok {
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let value = json["reactiveState"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&value), "{query}: {value}");
    } else {
        assert_eq!(answer.status, Status::ServiceUnavailable, "{}", answer.body);
        assert!(algorithm == Algorithm::External || !model.is_predicted, "{}", answer.body);
    }
}
