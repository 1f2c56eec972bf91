//! The fields of a line: one table, which [`Statistics`], the reader and the errors are made from.

use crate::wire::channel::Channel;
use crate::wire::collector::Collector;
use crate::wire::group_name::{GroupName, NameError};
use crate::wire::json::Value;
use crate::wire::line_error::{Found, LineError};

/// The first number that a `u64` cannot hold: its last one, rounded up.
const TWO_TO_64: f64 = u64::MAX as f64;

/// What a field holds, and where it is stored.
#[derive(Clone, Copy)]
enum Kind {
    Channel,
    Group,
    Collector,
    Ready,
    /// An integer that fits a `u32`.
    Count(fn(&mut Statistics) -> &mut Option<u32>),
    /// An integer that fits a `u64`.
    Total(fn(&mut Statistics) -> &mut Option<u64>),
    /// A number above 0; 0 is stored as absent, for a mean of nothing is no mean.
    Seconds(fn(&mut Statistics) -> &mut Option<f64>),
    /// A number from 0 to 1.
    Probability(fn(&mut Statistics) -> &mut Option<f64>),
}

/// A field of a line.
pub(super) struct Field {
    /// Its name in JSON.
    pub(super) name: &'static str,
    kind: Kind,
}

macro_rules! value_of {
    (Count) => {
        u32
    };
    (Total) => {
        u64
    };
    (Seconds) => {
        f64
    };
    (Probability) => {
        f64
    };
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $name:literal $kind:ident in $place:ident,)+) => {
        /// The figures of a line. `None`: the line does not have that field.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct Statistics {
            /// Agents ready for an interaction now.
            pub ready: u32,
            $($(#[doc = $doc])+ pub $place: Option<value_of!($kind)>,)+
        }

        /// Every field of a line.
        pub(super) const FIELDS: &[Field] = &[
            Field { name: "channel", kind: Kind::Channel },
            Field { name: "group", kind: Kind::Group },
            Field { name: "ready", kind: Kind::Ready },
            $(Field { name: $name, kind: Kind::$kind(|statistics| &mut statistics.$place) },)+
            Field { name: "collector", kind: Kind::Collector },
        ];
    };
}

fields! {
    /// Agents logged in for the channel.
    "loggedIn" Count in logged_in,
    /// Interactions that the agents at work can hold. Absent: `logged_in`.
    "slots" Count in slots,
    /// Interactions that the agents can take now. Absent: `ready`.
    "freeSlots" Count in free_slots,
    /// Reactive interactions in progress.
    "reactive" Count in reactive,
    /// Proactive interactions in progress.
    "proactive" Count in proactive,
    /// Interactions waiting for an agent.
    "queued" Count in queued,
    /// Mean handle time in seconds; finite, > 0.
    "handleTime" Seconds in handle_time,
    /// Reactive interactions that entered, since the collector started.
    "reactiveEntered" Total in reactive_entered,
    /// Proactive interactions that entered, since the collector started.
    "proactiveEntered" Total in proactive_entered,
    /// Interactions abandoned before an agent helped, since the collector started.
    "abandoned" Total in abandoned,
    /// Invitations sent, since the collector started.
    "invitationsSent" Total in invitations_sent,
    /// Invitations accepted, since the collector started.
    "invitationsAccepted" Total in invitations_accepted,
    /// Invitations shown and not yet answered.
    "invitationsPending" Count in invitations_pending,
    /// A reactive state computed elsewhere, 0..=1, for the algorithm `EXTERNAL`.
    "reactiveState" Probability in reactive_state,
    /// The collector's clock, Unix milliseconds.
    "time" Total in time,
}

/// What was read of a line so far.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) channel: Option<Channel>,
    pub(super) group: Option<GroupName>,
    pub(super) collector: Option<Collector>,
    pub(super) ready: Option<u32>,
    pub(super) statistics: Statistics,
}

/// Why a field does not take a value.
enum Refusal {
    Type,
    Range,
    Name(NameError),
}

impl Field {
    /// The index in [`FIELDS`] of the field with that name, looked for from `likely` on first: most senders keep to the order of
    /// the table.
    pub(super) fn index(name: &str, likely: usize) -> Option<usize> {
        let (before, after) = FIELDS.split_at_checked(likely).unwrap_or((FIELDS, &[]));
        let place = |fields: &[Self]| fields.iter().position(|field| field.name == name);
        place(after).map(|place| likely + place).or_else(|| place(before))
    }

    /// Stores `value`; `null` where the field may be absent stores nothing.
    ///
    /// # Errors
    ///
    /// The value is of another type, or outside the field's range.
    pub(super) fn store(&self, value: Value<'_>, draft: &mut Draft) -> Result<(), LineError> {
        let statistics = &mut draft.statistics;
        let stored = match (self.kind, value) {
            (Kind::Channel | Kind::Group | Kind::Ready, Value::Null) => Err(Refusal::Type),
            (_, Value::Null) => Ok(()),
            (Kind::Channel, Value::Text(name)) => {
                Channel::named(name).ok_or(Refusal::Range).map(|channel| draft.channel = Some(channel))
            }
            (Kind::Group, Value::Text(name)) => self::name(name).map(|name| draft.group = Some(name)),
            (Kind::Collector, Value::Text(name)) => {
                self::name(name).map(|name| draft.collector = Some(Collector::named(&name)))
            }
            (Kind::Channel | Kind::Group | Kind::Collector, _) => Err(Refusal::Type),
            (Kind::Ready, value) => count(value).map(|ready| draft.ready = Some(ready)),
            (Kind::Count(place), value) => count(value).map(|count| *place(statistics) = Some(count)),
            (Kind::Total(place), value) => integer(value).map(|total| *place(statistics) = Some(total)),
            (Kind::Seconds(place), value) => match number(value) {
                Ok(seconds) if seconds < 0.0 => Err(Refusal::Range),
                seconds => seconds.map(|seconds| *place(statistics) = Some(seconds).filter(|seconds| *seconds > 0.0)),
            },
            (Kind::Probability(place), value) => match number(value) {
                Ok(share) if !(0.0..=1.0).contains(&share) => Err(Refusal::Range),
                share => share.map(|share| *place(statistics) = Some(share)),
            },
        };
        let (field, want) = (self.name, self.want());
        stored.map_err(|refusal| match refusal {
            Refusal::Type => LineError::WrongType { field, found: value.into(), want },
            Refusal::Range => LineError::OutOfRange { field, found: value.into(), want },
            Refusal::Name(error) => LineError::OutOfRange { field, found: Found::Name(error), want },
        })
    }

    /// What its values are.
    pub(super) const fn want(&self) -> &'static str {
        match self.kind {
            Kind::Channel => "\"chat\" or \"webcallback\"",
            Kind::Group | Kind::Collector => "a string of 1 to 64 bytes",
            Kind::Ready | Kind::Count(_) => "an integer, 0 to 4294967295",
            Kind::Total(_) => "an integer, 0 to 18446744073709551615",
            Kind::Seconds(_) => "a number of seconds, 0 or more",
            Kind::Probability(_) => "a number, 0 to 1",
        }
    }
}

fn name(name: &str) -> Result<GroupName, Refusal> {
    GroupName::new(name).map_err(Refusal::Name)
}

fn count(value: Value<'_>) -> Result<u32, Refusal> {
    u32::try_from(integer(value)?).map_err(|_| Refusal::Range)
}

/// `12.0` is 12: some collectors have no numbers but floating-point ones.
fn integer(value: Value<'_>) -> Result<u64, Refusal> {
    match value {
        Value::Integer(value) => Ok(value),
        Value::Negative(_) => Err(Refusal::Range),
        // By their bits, since clippy distrusts `==` of floats; -0.0 is an integer too.
        Value::Number(value) if libm::trunc(value).to_bits() == value.to_bits() => {
            (0.0..TWO_TO_64).contains(&value).then_some(value as u64).ok_or(Refusal::Range)
        }
        _ => Err(Refusal::Type),
    }
}

fn number(value: Value<'_>) -> Result<f64, Refusal> {
    match value {
        Value::Integer(value) => Ok(value as f64),
        Value::Negative(value) => Ok(value as f64),
        Value::Number(value) => Ok(value),
        _ => Err(Refusal::Type),
    }
}
