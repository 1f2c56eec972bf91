//! Values of keys: how each kind is read from TOML, and how it is written.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use pacingd::pacing::{Algorithm, OptimizationTarget};
use pacingd::wire::group_name::GroupName;
use toml::Spanned;
use toml::de::{DeArray, DeValue};

use super::document::{Entry, Fault};
use super::file_name::{self, FileName};
use crate::http::cors::{AllowedOrigins, Origin};
use crate::log::{Level, Target};
use crate::statistics::endpoint::Endpoint;

/// A value that is written as a string: what a message asks for, and how it is read.
pub(super) struct Text<T> {
    want: &'static str,
    read: fn(&str) -> Option<T>,
}

pub(super) const ADDRESS: Text<SocketAddr> =
    Text { want: "an address with port such as \"127.0.0.1:8080\" or \"[::1]:8080\"", read: |text| text.parse().ok() };

pub(super) const ENDPOINT: Text<Endpoint> = Text { want: Endpoint::WANT, read: |text| text.parse().ok() };

pub(super) const NETWORK: Text<IpNet> = Text {
    want: "a network such as \"192.168.7.0/24\", or an address",
    read: |text| {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
        Some(canonical(network.trunc()))
    },
};

pub(super) const GROUP_NAME: Text<GroupName> = Text {
    want: "a group's name: 1 to 64 bytes of UTF-8 without control characters",
    read: |text| GroupName::new(text).ok(),
};

const ORIGIN: Text<Origin> = Text {
    want: "an origin as browsers write it, such as \"https://shop.example\" (no path, no default port, lower case)",
    read: Origin::new,
};

impl<T> Text<T> {
    fn parse(&self, value: &DeValue<'_>) -> Option<T> {
        value.as_str().and_then(self.read)
    }
}

type Read<T> = Result<T, Vec<Fault>>;

pub(super) fn one<T>(text: Text<T>) -> impl Fn(&Entry<'_>) -> Read<T> {
    move |entry| text.parse(entry.value.get_ref()).ok_or_else(|| entry.wrong(text.want))
}

pub(super) fn one_or_list<T>(count: RangeInclusive<usize>, text: Text<T>) -> impl Fn(&Entry<'_>) -> Read<Vec<T>> {
    move |entry| match entry.value.get_ref() {
        DeValue::String(_) => one(Text { ..text })(entry).map(|value| vec![value]),
        _ => list(count.clone(), Text { ..text })(entry),
    }
}

pub(super) fn list<T>(count: RangeInclusive<usize>, text: Text<T>) -> impl Fn(&Entry<'_>) -> Read<Vec<T>> {
    move |entry| {
        let items = items(entry, &count, |count| entry.wrong(format_args!("{count}, each {}", text.want)))?;
        each(items, |item| {
            let shown = || entry.document.shown_item(&item.span(), &entry.value.span());
            text.parse(item.get_ref())
                .ok_or_else(|| entry.fault_at(item, format_args!("has {}; want {}", shown(), text.want)))
        })
    }
}

/// The items of a list. `no_list` is the fault of what is none, given what the list should be.
fn items<'a>(
    entry: &Entry<'a>,
    count: &RangeInclusive<usize>,
    no_list: impl FnOnce(&str) -> Vec<Fault>,
) -> Read<&'a DeArray<'a>> {
    let (least, most) = (count.start(), count.end());
    match entry.value.get_ref() {
        DeValue::Array(items) if count.contains(&items.len()) => Ok(items),
        DeValue::Array(items) => Err(entry.fault(format_args!("has {} entries; want {least} to {most}", items.len()))),
        _ => Err(no_list(&format!("a list of {least} to {most}"))),
    }
}

/// Reads each item, or says all that is wrong with them.
fn each<'a, T>(items: &'a DeArray<'a>, read: impl Fn(&'a Spanned<DeValue<'a>>) -> Result<T, Fault>) -> Read<Vec<T>> {
    let (mut values, mut faults) = (Vec::new(), Vec::new());
    for item in items {
        match read(item) {
            Ok(value) => values.push(value),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

pub(super) fn origins(count: RangeInclusive<usize>) -> impl Fn(&Entry<'_>) -> Read<AllowedOrigins> {
    move |entry| match entry.value.get_ref().as_str() {
        Some("*") => Ok(AllowedOrigins::Any),
        Some(_) => Err(entry.wrong("\"*\", or a list of origins")),
        None => list(count.clone(), ORIGIN)(entry).map(AllowedOrigins::Listed),
    }
}

/// The name of a file. What is none is not repeated: it may be the secret that belongs into the file.
pub(super) fn file(entry: &Entry<'_>) -> Read<Option<FileName>> {
    let name = entry.value.get_ref().as_str().and_then(|text| FileName::new(text, entry.origin()));
    let fault = || entry.fault(format_args!("is a value that is no file's name; want {}", file_name::WANT));
    name.map(Some).ok_or_else(fault)
}

pub(super) fn files(count: RangeInclusive<usize>) -> impl Fn(&Entry<'_>) -> Read<Vec<FileName>> {
    move |entry| {
        let want = file_name::WANT;
        let items = items(entry, &count, |count| entry.fault(format_args!("is no list; want {count}, each {want}")))?;
        each(items, |item| {
            let name = item.get_ref().as_str().and_then(|text| FileName::new(text, entry.origin()));
            name.ok_or_else(|| entry.fault_at(item, format_args!("has a value that is no file's name; want {want}")))
        })
    }
}

pub(super) fn integer<T>(range: RangeInclusive<T>) -> impl Fn(&Entry<'_>) -> Read<T>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |entry| {
        let value = match entry.value.get_ref() {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => None,
        };
        let value = value.and_then(|value| T::try_from(value).ok()).filter(|value| range.contains(value));
        value.ok_or_else(|| entry.wrong(format_args!("an integer, {} to {}", range.start(), range.end())))
    }
}

pub(super) fn seconds(range: RangeInclusive<f64>) -> impl Fn(&Entry<'_>) -> Read<Duration> {
    move |entry| number("seconds", range.clone())(entry).map(Duration::from_secs_f64)
}

pub(super) fn number(unit: &'static str, range: RangeInclusive<f64>) -> impl Fn(&Entry<'_>) -> Read<f64> {
    move |entry| {
        let value = match entry.value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => None,
        };
        let want = || entry.wrong(format_args!("a number of {unit}, {} to {}", range.start(), range.end()));
        value.filter(|value| range.contains(value)).ok_or_else(want)
    }
}

pub(super) fn choice<T, const N: usize>(
    names: [&'static str; N],
    named: fn(&str) -> Option<T>,
) -> impl Fn(&Entry<'_>) -> Read<T> {
    move |entry| {
        let want = || entry.wrong(format_args!("one of {}", names.map(|name| quoted(&name)).join(", ")));
        entry.value.get_ref().as_str().and_then(named).ok_or_else(want)
    }
}

/// Addresses of IPv4 that are written as ones of IPv6 (RFC 4291, section 2.5.5.2) as IPv4: senders are compared so.
fn canonical(network: IpNet) -> IpNet {
    let ipv4 = network.prefix_len().checked_sub(96).and_then(|prefix| match network.network().to_canonical() {
        address @ IpAddr::V4(_) => IpNet::new(address, prefix).ok(),
        IpAddr::V6(_) => None,
    });
    ipv4.unwrap_or(network)
}

/// A value as TOML.
pub(super) trait Show {
    /// `None`: the key is left out.
    fn show(&self) -> Option<String>;
}

fn quoted(text: &impl Display) -> String {
    // Nothing that is shown has control characters.
    format!("\"{}\"", text.to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

macro_rules! show {
    ($($type:ty),* => $show:expr) => { $(impl Show for $type {
        fn show(&self) -> Option<String> {
            Some($show(self))
        }
    })* };
}
show!(Algorithm, Endpoint, FileName, GroupName, IpNet, Level, OptimizationTarget, Origin, SocketAddr, Target => quoted);
show!(f64, u8, usize => ToString::to_string);
show!(Duration => |value: &Duration| value.as_secs_f64().to_string());

impl<T: Show> Show for Option<T> {
    fn show(&self) -> Option<String> {
        self.as_ref()?.show()
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.iter().filter_map(Show::show).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

impl Show for AllowedOrigins {
    fn show(&self) -> Option<String> {
        match self {
            Self::Any => Some(quoted(&"*")),
            Self::Listed(list) => list.show(),
        }
    }
}
