//! SIGHUP: the configuration is read again; what can change without a restart changes, and all statistics are kept.

use std::fmt::Display;

use crate::configuration::Source;
use crate::context::Shared;
use crate::https::Tls;
use crate::log::Target;

pub(crate) fn reload(shared: &Shared, source: &Source, log_to: Option<Target>) {
    let refuse = |error: &dyn Display| shared.log.error(format_args!("reload: {error}; nothing was changed"));
    let mut new = match source.load() {
        Ok(new) => new,
        Err(error) => return refuse(&error),
    };
    // All or nothing: a broken pair keeps the old one, and the old configuration with it.
    let pair = match (&shared.tls, &new.https.pair) {
        (Some(tls), Some(files)) => match tls.load(files) {
            Ok(pair) => Some((tls, pair)),
            Err(error) => return refuse(&error),
        },
        // Only a restart puts it into force, but that must not be the first to find a fault.
        (None, Some(_)) => match Tls::new(&new.https) {
            Ok(_) => None,
            Err(error) => return refuse(&error),
        },
        (_, None) => None,
    };
    let fixed = {
        let old = shared.configuration();
        let mut fixed = Vec::new();
        let mut keep = |differs: bool, key| {
            if differs {
                fixed.push(key);
            }
        };
        keep(old.http.listen != new.http.listen, "http.listen");
        keep(old.http.limits.connections != new.http.limits.connections, "http.limits.connections");
        keep(old.https.listen != new.https.listen, "https.listen");
        // HTTPS with whatever certificate, or none of it.
        let is_still_so = old.https.pair.is_some() == new.https.pair.is_some();
        keep(!is_still_so, "https.certificate");
        keep(old.https.handshakes != new.https.handshakes, "https.handshakes");
        keep(old.operators.listen != new.operators.listen, "operators.listen");
        keep(old.statistics.listen != new.statistics.listen, "statistics.listen");
        keep(old.log.to != new.log.to && log_to.is_none(), "log.to");
        new.http.listen.clone_from(&old.http.listen);
        new.http.limits.connections = old.http.limits.connections;
        new.https.listen.clone_from(&old.https.listen);
        new.https.handshakes = old.https.handshakes;
        if !is_still_so {
            new.https.pair.clone_from(&old.https.pair);
        }
        new.operators.listen = old.operators.listen;
        new.statistics.listen.clone_from(&old.statistics.listen);
        new.log.to = old.log.to;
        fixed
    };
    shared.log.set_level(new.log.level);
    if let Some((tls, pair)) = pair {
        tls.replace(pair);
        tls.log_certificate(&shared.log);
    }
    shared.configure(new);
    shared.log.info(format_args!("reload: {source} is in force, all statistics are kept"));
    if !fixed.is_empty() {
        shared.log.warning(format_args!("reload: {} changed, which a restart puts into force", fixed.join(", ")));
    }
}
