//! The table of fields, from which [`Statistics`], the reader and the errors are made.

use crate::wire::channel::Channel;
use crate::wire::collector::Collector;
use crate::wire::group_name::{GroupName, NameError};
use crate::wire::json::Value;
use crate::wire::line_error::{Found, LineError};

/// The first number beyond `u64`.
const TWO_TO_64: f64 = u64::MAX as f64;

/// The kind of a field's value, and where it is stored.
#[derive(Clone, Copy)]
enum FieldKind {
    Channel,
    Group,
    Collector,
    Ready,
    /// An integer that fits a `u32`.
    Count(fn(&mut Statistics) -> &mut Option<u32>),
    /// An integer that fits a `u64`.
    Total(fn(&mut Statistics) -> &mut Option<u64>),
    /// A number above 0; 0 counts as absent, because it is the mean of no interactions.
    Seconds(fn(&mut Statistics) -> &mut Option<f64>),
    /// 0..=1.
    Probability(fn(&mut Statistics) -> &mut Option<f64>),
}

pub(super) struct Field {
    pub(super) name: &'static str,
    kind: FieldKind,
}

macro_rules! fields {
    (
        $($key:literal $is:ident,)+;
        $($(#[doc = $doc:literal])+ $name:literal $kind:ident in $place:ident: $type:ty,)+
    ) => {
        /// The figures of a line; `None` where it does not have the field.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct Statistics {
            /// Agents ready for an interaction now.
            pub ready: u32,
            $($(#[doc = $doc])+ pub $place: Option<$type>,)+
        }

        pub(super) const FIELDS: &[Field] = &[
            $(Field { name: $key, kind: FieldKind::$is },)+
            $(Field { name: $name, kind: FieldKind::$kind(|statistics| &mut statistics.$place) },)+
        ];

        #[allow(non_camel_case_types)]
        enum Index { $($is,)+ $($place,)+ }

        impl Index {
            /// By `match`, which saves 1,000 of 11,400 instructions of a datagram.
            fn named(name: &str) -> Option<Self> {
                Some(match name { $($key => Self::$is,)+ $($name => Self::$place,)+ _ => return None })
            }
        }
    };
}

fields! {
    "channel" Channel,
    "group" Group,
    "collector" Collector,
    "ready" Ready,
    ;
    /// Agents logged in for the channel.
    "loggedIn" Count in logged_in: u32,
    /// Interactions that the agents at work can hold. Absent: `logged_in`.
    "slots" Count in slots: u32,
    /// Interactions that the agents can take now. Absent: `ready`.
    "freeSlots" Count in free_slots: u32,
    /// Reactive interactions in progress.
    "reactive" Count in reactive: u32,
    /// Proactive interactions in progress.
    "proactive" Count in proactive: u32,
    /// Interactions waiting for an agent.
    "queued" Count in queued: u32,
    /// Mean handle time in seconds; finite, > 0.
    "handleTime" Seconds in handle_time: f64,
    /// Reactive interactions that entered, since the collector started.
    "reactiveEntered" Total in reactive_entered: u64,
    /// Proactive interactions that entered, since the collector started.
    "proactiveEntered" Total in proactive_entered: u64,
    /// Interactions abandoned before an agent helped, since the collector started.
    "abandoned" Total in abandoned: u64,
    /// Invitations sent, since the collector started.
    "invitationsSent" Total in invitations_sent: u64,
    /// Invitations accepted, since the collector started.
    "invitationsAccepted" Total in invitations_accepted: u64,
    /// Invitations shown and not yet answered.
    "invitationsPending" Count in invitations_pending: u32,
    /// A reactive state computed elsewhere, 0..=1, for the algorithm `EXTERNAL`.
    "reactiveState" Probability in reactive_state: f64,
    /// The collector's clock, Unix milliseconds.
    "time" Total in time: u64,
}

#[derive(Default)]
pub(super) struct Draft {
    pub(super) channel: Option<Channel>,
    pub(super) group: Option<GroupName>,
    pub(super) collector: Option<Collector>,
    pub(super) ready: Option<u32>,
    pub(super) statistics: Statistics,
}

/// Why a field does not take a value.
enum ValueRefusal {
    Type,
    Range,
    Name(NameError),
}

impl Field {
    /// The field of that name, and its index in [`FIELDS`].
    pub(super) fn named(name: &str) -> Option<(usize, &'static Self)> {
        let index = Index::named(name)? as usize;
        Some((index, FIELDS.get(index)?))
    }

    /// Stores the value `raw`; `null` in an optional field stores nothing.
    pub(super) fn store(&self, raw: &str, draft: &mut Draft) -> Result<(), LineError> {
        let value = Value::of(raw);
        let statistics = &mut draft.statistics;
        let stored = match (self.kind, &value) {
            (_, Value::Unreadable(_)) => Err(ValueRefusal::Range),
            (FieldKind::Channel | FieldKind::Group | FieldKind::Ready, Value::Null) => Err(ValueRefusal::Type),
            (_, Value::Null) => Ok(()),
            (FieldKind::Channel, Value::Text(name)) => {
                Channel::named(name).ok_or(ValueRefusal::Range).map(|channel| draft.channel = Some(channel))
            }
            (FieldKind::Group, Value::Text(name)) => self::name(name).map(|name| draft.group = Some(name)),
            (FieldKind::Collector, Value::Text(name)) => {
                self::name(name).map(|name| draft.collector = Some(Collector::named(&name)))
            }
            (FieldKind::Channel | FieldKind::Group | FieldKind::Collector, _) => Err(ValueRefusal::Type),
            (FieldKind::Ready, value) => count(value).map(|ready| draft.ready = Some(ready)),
            (FieldKind::Count(place), value) => count(value).map(|count| *place(statistics) = Some(count)),
            (FieldKind::Total(place), value) => integer(value).map(|total| *place(statistics) = Some(total)),
            (FieldKind::Seconds(place), value) => number(value, f64::MAX)
                .map(|seconds| *place(statistics) = Some(seconds).filter(|seconds| *seconds > 0.0)),
            (FieldKind::Probability(place), value) => number(value, 1.0).map(|share| *place(statistics) = Some(share)),
        };
        stored.map_err(|refusal| {
            let (field, want) = (self.name, self.want());
            match refusal {
                ValueRefusal::Type => LineError::WrongType { field, found: value.into(), want },
                ValueRefusal::Range => LineError::OutOfRange { field, found: value.into(), want },
                ValueRefusal::Name(error) => LineError::OutOfRange { field, found: Found::Name(error), want },
            }
        })
    }

    pub(super) const fn want(&self) -> &'static str {
        match self.kind {
            FieldKind::Channel => "\"chat\" or \"webcallback\"",
            FieldKind::Group | FieldKind::Collector => "a string of 1 to 64 bytes",
            FieldKind::Ready | FieldKind::Count(_) => "an integer, 0 to 4294967295",
            FieldKind::Total(_) => "an integer, 0 to 18446744073709551615",
            FieldKind::Seconds(_) => "a number of seconds, 0 or more",
            FieldKind::Probability(_) => "a number, 0 to 1",
        }
    }
}

fn name(name: &str) -> Result<GroupName, ValueRefusal> {
    GroupName::new(name).map_err(ValueRefusal::Name)
}

fn count(value: &Value<'_>) -> Result<u32, ValueRefusal> {
    u32::try_from(integer(value)?).map_err(|_| ValueRefusal::Range)
}

/// `12.0` is 12: some collectors have no numbers but floating-point ones.
fn integer(value: &Value<'_>) -> Result<u64, ValueRefusal> {
    match *value {
        Value::Integer(value) => Ok(value),
        // By their bits, since clippy distrusts `==` of floats; -0.0 is an integer too.
        Value::Number(value) if libm::trunc(value).to_bits() == value.to_bits() => {
            (0.0..TWO_TO_64).contains(&value).then_some(value as u64).ok_or(ValueRefusal::Range)
        }
        _ => Err(ValueRefusal::Type),
    }
}

fn number(value: &Value<'_>, most: f64) -> Result<f64, ValueRefusal> {
    let number = match *value {
        Value::Integer(value) => value as f64,
        Value::Number(value) => value,
        _ => return Err(ValueRefusal::Type),
    };
    // -0 is in the range; `abs` drops its sign.
    (0.0..=most).contains(&number).then_some(number.abs()).ok_or(ValueRefusal::Range)
}
