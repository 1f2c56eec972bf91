//! What one key says of another: checked when each of them is valid by itself.

use std::net::{IpAddr, SocketAddr};

use pacingd::limits::GROUPS;
use pacingd::pacing::OptimizationTarget;

use super::document::TomlDocument;
use super::file_name::WANT;
use super::keys::Configuration;
use crate::statistics::endpoint::Endpoint;

/// Reports all that is wrong, and adapts the defaults of keys that are not given.
pub(super) fn validate(configuration: &mut Configuration, document: &mut TomlDocument<'_>) {
    let has_goal = document.place("pacing.optimization-goal").is_some();
    // A fault is reported where the first of its keys is.
    let mut check = |keys: &[&str], is_right: bool, message: &str| {
        if !is_right && document.are_sound(keys) {
            let at = keys.iter().find_map(|key| document.place(key)).unwrap_or_default();
            document.fault(at, message.to_owned());
        }
    };
    let Configuration { http, limits, https, statistics, groups, pacing, .. } = &mut *configuration;
    check(
        &["http.listen", "https.listen"],
        !http.listen.is_empty() || !https.listen.is_empty(),
        "http.listen has 0 entries; want 1 to 8, or addresses in https.listen",
    );
    for (key, name, other, is_missing) in [
        ("https.certificate", &https.certificate, "https.key", https.key.is_some()),
        ("https.key", &https.key, "https.certificate", https.certificate.is_some()),
    ] {
        let is_wanted = is_missing || !https.listen.is_empty();
        check(&[other, "https.listen", key], name.is_some() || !is_wanted, &format!("{key} is missing; want {WANT}"));
    }

    // Each address holds a place for the connection that it waits for.
    for (keys, limit, listeners, lists) in [
        (
            &["http.limits.connections", "http.listen", "https.listen"][..],
            limits.connections,
            http.listen.len() + https.listen.len(),
            "http.listen and https.listen",
        ),
        (&["https.handshakes", "https.listen"], https.handshakes, https.listen.len(), "https.listen"),
    ] {
        let key = keys.first().copied().unwrap_or_default();
        let message = format!("{key} is {limit}; want {listeners} or more, one for each address in {lists}");
        check(keys, limit >= listeners, &message);
    }
    // Handshakes that do not end must not take all places.
    https.handshakes = https.handshakes.min(limits.connections.div_ceil(2)).max(https.listen.len());

    let elsewhere = statistics.listen.iter().find(|endpoint| !matches!(&*endpoint.interface, "" | "lo"));
    if let Some(group) = elsewhere {
        check(
            &["statistics.listen", "statistics.sources"],
            statistics.sources.iter().any(|network| !network.network().is_loopback()),
            &format!(
                "statistics.sources is missing; want the networks of the collectors that send to {group}: loopback is \
                 none of them"
            ),
        );
    }
    let count = groups.chat.len() + groups.webcallback.len();
    check(
        &["statistics.groups.chat", "statistics.groups.webcallback"],
        count <= GROUPS,
        &format!("statistics.groups has {count} groups of both channels together; want {GROUPS} or fewer"),
    );
    check(
        &["pacing.optimization-target", "pacing.optimization-goal"],
        has_goal || pacing.optimization_target != OptimizationTarget::BusyFactor,
        "pacing.optimization-goal is missing; want the percentage of their time that agents should be busy, such as 85",
    );
    for (keys, address) in shared_addresses(configuration) {
        let [second, first] = keys;
        let which = if first == second { format!("{first} has two") } else { format!("{first} and {second} have one") };
        check(&keys, false, &format!("{which} for {address}; want each address and port once"));
    }
}

/// Addresses that two listeners would take, with the keys of the second and the first.
fn shared_addresses(configuration: &Configuration) -> Vec<([&'static str; 2], SocketAddr)> {
    let Configuration { http, https, operators, statistics, .. } = configuration;
    let tcp = http.listen.iter().map(|address| ("http.listen", *address));
    let tcp = tcp.chain(https.listen.iter().map(|address| ("https.listen", *address)));
    let tcp = tcp.chain([("operators.listen", operators.listen)]).collect();
    let udp = statistics.listen.iter().filter_map(Endpoint::unicast).map(|address| ("statistics.listen", address));
    let mut shared = Vec::new();
    for listeners in [tcp, udp.collect::<Vec<_>>()] {
        for (index, (second, address)) in listeners.iter().enumerate() {
            let mut before = listeners.iter().take(index);
            if let Some((first, _)) = before.find(|(first, other)| overlap(*address, *other, first == second)) {
                shared.push(([*second, *first], *address));
            }
        }
    }
    shared
}

/// Whether two sockets cannot be bound to these addresses at once. `is_one_list`: in a list any address of IPv6 leaves
/// those of IPv4 to the others.
fn overlap(one: SocketAddr, other: SocketAddr, is_one_list: bool) -> bool {
    let is_any_v6 = |address: SocketAddr| address.is_ipv6() && address.ip().is_unspecified();
    let (ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let meets = match (ip, other_ip) {
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
            ip == other_ip || ip.is_unspecified() || other_ip.is_unspecified()
        }
        _ => !is_one_list && (is_any_v6(one) || is_any_v6(other)),
    };
    // Port 0 is another one each time.
    meets && one.port() == other.port() && one.port() != 0
}
