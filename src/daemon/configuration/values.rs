//! Kinds of values: how each is read from TOML and printed.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use pacingd::pacing::{Algorithm, OptimizationTarget};
use pacingd::wire::group_name::GroupName;
use toml::Spanned;
use toml::de::DeValue;

use super::document::Entry;
use super::files::{self, FileName};
use crate::http::cors::{AllowedOrigins, Origin};
use crate::log::{Level, Target};
use crate::statistics::endpoint::Endpoint;

/// A value that TOML has as a string.
pub(super) trait AsText: Display + Sized {
    /// What a message asks for.
    fn want() -> String;

    fn read(text: &str, entry: &Entry<'_, '_>) -> Option<Self>;

    /// A wrong value, as a message may quote it; `shown` is what it may quote of most types.
    fn shown(shown: String) -> String {
        shown
    }
}

macro_rules! texts {
    ($($type:ty: $want:expr, $read:expr;)*) => { $(
        impl AsText for $type {
            fn want() -> String {
                $want.into()
            }

            fn read(text: &str, _: &Entry<'_, '_>) -> Option<Self> {
                $read(text)
            }
        }
    )* };
}

texts! {
    Algorithm: one_of(&Self::ALL), Self::named;
    Endpoint: Self::WANT, Self::parse;
    GroupName: "a group's name: 1 to 64 bytes of UTF-8 without control characters", |text| Self::new(text).ok();
    IpNet: "a network such as \"192.168.7.0/24\", or an address", network;
    Level: one_of(&Self::ALL), Self::named;
    OptimizationTarget: one_of(&Self::ALL), optimization_target;
    Origin: "an origin as browsers write it, such as \"https://shop.example\" (no path, no default port, lower case)",
        Self::new;
    SocketAddr: "an address with port such as \"127.0.0.1:8080\" or \"[::1]:8080\"", |text: &str| text.parse().ok();
    Target: one_of(&Self::ALL), Self::named;
}

/// A wrong value is not quoted: it may be the secret that belongs into the file.
impl AsText for FileName {
    fn want() -> String {
        files::WANT.into()
    }

    fn read(text: &str, entry: &Entry<'_, '_>) -> Option<Self> {
        Self::new(text, entry.origin())
    }

    fn shown(_: String) -> String {
        "a value that is no file's name".into()
    }
}

fn one_of(names: &[impl Display]) -> String {
    format!("one of {}", names.iter().map(quoted).collect::<Vec<_>>().join(", "))
}

/// Accepts the reference's misspelling, too.
fn optimization_target(text: &str) -> Option<OptimizationTarget> {
    OptimizationTarget::named(if text == "ABANDONEMENT_RATE" { "ABANDONMENT_RATE" } else { text })
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?.trunc();
    // IPv4-mapped networks (RFC 4291, section 2.5.5.2) become IPv4, as senders do.
    let ipv4 = network.prefix_len().checked_sub(96).and_then(|prefix| match network.network().to_canonical() {
        address @ IpAddr::V4(_) => IpNet::new(address, prefix).ok(),
        IpAddr::V6(_) => None,
    });
    Some(ipv4.unwrap_or(network))
}

fn text<T: AsText>(value: &Spanned<DeValue<'_>>, entry: &Entry<'_, '_>) -> Option<T> {
    T::read(value.get_ref().as_str()?, entry)
}

pub(super) fn one<T: AsText>(entry: &mut Entry<'_, '_>) -> Option<T> {
    text(entry.value, entry).or_else(|| {
        let shown = T::shown(entry.shown());
        entry.fault(entry.value, format_args!("is {shown}; want {}", T::want()))
    })
}

pub(super) fn some<T: AsText>(entry: &mut Entry<'_, '_>) -> Option<Option<T>> {
    one(entry).map(Some)
}

/// A list, or one item without its brackets.
pub(super) fn list<T: AsText>(count: RangeInclusive<usize>) -> impl Fn(&mut Entry<'_, '_>) -> Option<Vec<T>> {
    move |entry| {
        let (least, most) = (count.start(), count.end());
        let items = match entry.value.get_ref() {
            DeValue::Array(items) => &items[..],
            DeValue::String(_) => std::slice::from_ref(entry.value),
            _ => {
                let shown = T::shown(entry.shown());
                let want = format_args!("is {shown}; want a list of {least} to {most}, each {}", T::want());
                return entry.fault(entry.value, want);
            }
        };
        if !count.contains(&items.len()) {
            return entry.fault(entry.value, format_args!("has {} entries; want {least} to {most}", items.len()));
        }
        let read = |item| {
            text(item, entry).or_else(|| {
                let shown = T::shown(entry.shown_item(item));
                entry.fault(item, format_args!("has {shown}; want {}", T::want()))
            })
        };
        // All items are read, so that each fault is reported.
        items.iter().map(read).collect::<Vec<_>>().into_iter().collect()
    }
}

pub(super) fn origins(count: RangeInclusive<usize>) -> impl Fn(&mut Entry<'_, '_>) -> Option<AllowedOrigins> {
    move |entry| match entry.value.get_ref().as_str() {
        Some("*") => Some(AllowedOrigins::Any),
        _ => list(count.clone())(entry).map(AllowedOrigins::Listed),
    }
}

pub(super) fn integer<T>(range: RangeInclusive<T>) -> impl Fn(&mut Entry<'_, '_>) -> Option<T>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |entry| {
        let value = match entry.value.get_ref() {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => None,
        };
        let value = value.and_then(|value| T::try_from(value).ok()).filter(|value| range.contains(value));
        value.or_else(|| entry.wrong(format_args!("an integer, {} to {}", range.start(), range.end())))
    }
}

pub(super) fn seconds(range: RangeInclusive<f64>) -> impl Fn(&mut Entry<'_, '_>) -> Option<Duration> {
    move |entry| number("a number of seconds", range.clone())(entry).map(Duration::from_secs_f64)
}

/// A number in `range`; `what` says what it counts.
pub(super) fn number(what: &'static str, range: RangeInclusive<f64>) -> impl Fn(&mut Entry<'_, '_>) -> Option<f64> {
    move |entry| {
        let value = match entry.value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => None,
        };
        let value = value.filter(|value| range.contains(value));
        value.or_else(|| entry.wrong(format_args!("{what}, {} to {}", range.start(), range.end())))
    }
}

/// A value as TOML.
pub(super) trait Show {
    /// Empty: the key is left out.
    fn show(&self) -> String;
}

fn quoted(text: &impl Display) -> String {
    // No value has control characters.
    format!("\"{}\"", text.to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

macro_rules! show {
    ($($type:ty),* => $show:expr) => { $(impl Show for $type {
        fn show(&self) -> String {
            $show(self)
        }
    })* };
}
show!(f64, u8, usize => ToString::to_string);
show!(Duration => |value: &Self| value.as_secs_f64().to_string());
show!(AllowedOrigins => |origins: &Self| match origins {
    Self::Any => quoted(&"*"),
    Self::Listed(list) => list.show(),
});

impl<T: AsText> Show for T {
    fn show(&self) -> String {
        quoted(self)
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> String {
        self.as_ref().map(Show::show).unwrap_or_default()
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Show::show).collect::<Vec<_>>().join(", "))
    }
}
