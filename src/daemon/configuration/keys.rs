//! The table of keys. Each key's entry defines its section, its default, how it is read and
//! printed, and what a reload does.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use pacingd::limits::{GROUPS, KEYS as KEY_FILES, SOURCES};
use pacingd::pacing::Options;
use pacingd::settings::Settings;
use pacingd::wire::group_name::GroupName;
use pacingd::wire::jws::Keys;

use super::document::Entry;
use super::files::FileName;
use super::values::{Show, integer, list, number, one, origins, seconds, some};
use crate::http::cors::AllowedOrigins;
use crate::log::{Level, Target};
use crate::statistics::endpoint::Endpoint;

/// Addresses of a listener: an appliance has a few interfaces, each with an address or two.
const LISTENERS: usize = 8;

/// Concurrent connections: each takes a file descriptor and some kilobytes.
const CONNECTIONS: usize = 10_000;

/// Concurrent TLS handshakes: more are no faster on one thread, and each may buffer 64 KiB.
const HANDSHAKES: usize = 256;

/// Allowed origins: each request's origin is compared with all of them.
const ORIGINS: usize = 64;

/// What a reload does with a key that has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnReload {
    Applies,
    /// Applies, unless the key appears or disappears.
    Replaces,
    NeedsRestart,
}

pub(crate) struct ConfigurationKey {
    /// Name with the sections before it.
    pub(crate) path: &'static str,
    pub(crate) on_reload: OnReload,
    /// Reads the value from a file. `None`: a fault was reported.
    pub(super) read: fn(&mut Configuration, &mut Entry<'_, '_>) -> Option<()>,
    /// The value as TOML. Empty: the key is left out.
    pub(crate) show: fn(&Configuration) -> String,
    /// Copies the value from the first configuration to the second.
    pub(crate) copy: fn(&Configuration, &mut Configuration),
}

/// Defines the struct of a section.
macro_rules! section {
    // The core's.
    ($(#[$attribute:meta])* Options { $($field:ident;)* }) => {};
    ($(#[$attribute:meta])* $name:ident { $($(#[$of_key:meta])* $field:ident: $type:ty = $default:expr;)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $name { $($(#[$of_key])* pub(crate) $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

macro_rules! configuration {
    ($(
        $(#[$section_attribute:meta])*
        $section:ident: $name:ident {
            $(
                $(#[$key_attribute:meta])* $path:literal
                $field:ident $(: $type:ty = $default:expr)?, $on_reload:ident, $read:expr;
            )*
        }
    )*) => {
        $(section! { $(#[$section_attribute])* $name { $($(#[$key_attribute])* $field $(: $type = $default)?;)* } })*

        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct Configuration {
            $(pub(crate) $section: $name,)*
            /// Contents of `statistics.key-files`.
            pub(crate) keys: Keys,
        }

        /// Every key, in the order in which they are printed.
        pub(crate) static KEYS: &[ConfigurationKey] = &[$($(ConfigurationKey {
            path: $path,
            on_reload: OnReload::$on_reload,
            read: |configuration, entry| {
                configuration.$section.$field = $read(entry)?;
                Some(())
            },
            show: |configuration| configuration.$section.$field.show(),
            copy: |from, to| to.$section.$field.clone_from(&from.$section.$field),
        },)*)*];
    };
}

configuration! {
    http: Http {
        "http.listen" listen: Vec<SocketAddr> = vec![loopback(8080)], NeedsRestart, list(0..=LISTENERS);
    }
    cors: Cors {
        "http.cors.allowed-origins" allowed_origins: AllowedOrigins = AllowedOrigins::Listed(Vec::new()), Applies,
            origins(0..=ORIGINS);
    }
    /// Limits of HTTP and HTTPS together.
    limits: Limits {
        "http.limits.connections" connections: usize = 256, NeedsRestart, integer(1..=CONNECTIONS);
        /// Time for the next complete head to arrive, and for an answer to be acknowledged. Longer
        /// than the 60 s of nginx's upstream keep-alive, so that nginx closes first.
        "http.limits.idle-timeout" idle_timeout: Duration = Duration::from_secs(75), Applies, seconds(0.1..=3600.0);
    }
    https: Https {
        "https.listen" listen: Vec<SocketAddr> = Vec::new(), NeedsRestart, list(0..=LISTENERS);
        /// A PEM file with the certificate, followed by the intermediate ones.
        "https.certificate" certificate: Option<FileName> = None, Replaces, some;
        /// A PEM file with the private key.
        "https.key" key: Option<FileName> = None, Replaces, some;
        /// Concurrent handshakes: an eighth of the connections.
        "https.handshakes" handshakes: usize = 32, NeedsRestart, integer(1..=HANDSHAKES);
        /// Time for a handshake, from the acceptance of the connection on.
        "https.handshake-timeout" handshake_timeout: Duration = Duration::from_secs(5), Applies, seconds(0.1..=60.0);
    }
    operators: Operators {
        "operators.listen" listen: SocketAddr = loopback(8081), NeedsRestart, one;
    }
    statistics: Statistics {
        "statistics.listen" listen: Vec<Endpoint> =
            vec![Endpoint { address: loopback(8127), interface: String::new() }], NeedsRestart, list(1..=LISTENERS);
        "statistics.sources" sources: Vec<IpNet> = Settings::default().sources.to_vec(), Applies, list(1..=SOURCES);
        "statistics.time-to-live" time_to_live: Duration = Settings::default().time_to_live, Applies,
            seconds(1.0..=3600.0);
        "statistics.key-files" key_files: Vec<FileName> = Vec::new(), Applies, list(0..=KEY_FILES);
    }
    /// Groups that are known before their first statistics.
    groups: Groups {
        "statistics.groups.chat" chat: Vec<GroupName> = Vec::new(), Applies, list(0..=GROUPS);
        "statistics.groups.webcallback" webcallback: Vec<GroupName> = Vec::new(), Applies, list(0..=GROUPS);
    }
    pacing: Options {
        "pacing.algorithm" algorithm, Applies, one;
        "pacing.optimization-target" optimization_target, Applies, one;
        "pacing.optimization-goal" optimization_goal, Applies, number("a percentage", 0.1..=99.0);
        "pacing.abandonment-cost" abandonment_cost, Applies, number("a number of served visitors", 0.0..=100.0);
        "pacing.proactive-ratio" proactive_ratio, Applies, integer(0..=100);
        "pacing.refresh-period" refresh_period, Applies, seconds(0.05..=60.0);
        "pacing.handle-time" handle_time, Applies, seconds(0.001..=1e6);
        "pacing.patience" patience, Applies, seconds(0.001..=1e6);
        "pacing.entry-delay" entry_delay, Applies, seconds(0.0..=600.0);
    }
    log: Log {
        "log.level" level: Level = Level::Info, Applies, one;
        "log.to" to: Target = Target::Auto, NeedsRestart, one;
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
