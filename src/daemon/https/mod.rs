//! HTTPS: TLS 1.2 and 1.3 by rustls, with the certificate in force and limits for handshakes.
//!
//! Sessions are resumed from a store of fixed size: stateless tickets need one more secret.

mod certificate_and_key;
mod handshake;

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use pacingd::answer::prometheus::Family;
use rustls::ServerConfig;
use rustls::server::ServerSessionMemoryCache;

use crate::clock;
use crate::configuration::Https;
use crate::http::counters::Counter;
use crate::http::dates::http_date;
use crate::http::places::{Places, Turns};
use crate::log::Log;
use certificate_and_key::{Pair, Remaining};
use handshake::HandshakeOutcome;

/// Sessions that can be resumed. They take up to 144 KiB (measured). A web tier needs few, and
/// visitors stay connected.
const SESSIONS: usize = 256;

/// Days before the expiry of a certificate from which on warnings are logged.
const WARNING_DAYS: u64 = 30;

pub(crate) struct Tls {
    config: RefCell<Arc<ServerConfig>>,
    pair: RefCell<Pair>,
    /// Whether the last reload of the files failed.
    is_outdated: Cell<bool>,
    places: Places,
    turns: Turns,
    outcomes: [Counter; HandshakeOutcome::ALL.len()],
}

impl Tls {
    /// Loads certificate and key. `None`: HTTPS is not configured.
    pub(crate) fn new(https: &Https) -> Result<Option<Self>, String> {
        let Some(files) = https.pair() else { return Ok(None) };
        let pair = Pair::load(files)?;
        let builder = ServerConfig::builder_with_provider(certificate_and_key::provider());
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]);
        let builder = builder.map_err(|error| format!("TLS cannot be set up: {error}"))?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::clone(&pair.resolver) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        // A client usually has one connection, and each ticket takes the place of a session.
        config.send_tls13_tickets = 1;
        Ok(Some(Self {
            config: RefCell::new(Arc::new(config)),
            pair: RefCell::new(pair),
            is_outdated: Cell::new(false),
            places: Places::new(https.handshakes),
            turns: Turns::default(),
            outcomes: Default::default(),
        }))
    }

    /// Reads the files again, for new connections. If that fails, the old ones stay in force.
    pub(crate) fn reload(&self, https: &Https) -> Result<(), String> {
        let Some(files) = https.pair() else { return Ok(()) };
        let loaded = Pair::load(files);
        self.is_outdated.set(loaded.is_err());
        let pair = loaded?;
        let mut config = ServerConfig::clone(&self.config.borrow());
        config.cert_resolver = Arc::clone(&pair.resolver) as _;
        self.config.replace(Arc::new(config));
        self.pair.replace(pair);
        Ok(())
    }

    pub(crate) fn certificate(&self) -> String {
        self.pair.borrow().to_string()
    }

    pub(crate) fn log_certificate(&self, log: &Log) {
        let pair = self.pair.borrow();
        log.info(format_args!("{pair}"));
        if let Some(complaint) = &pair.complaint {
            log.warning(format_args!("{complaint}"));
        }
    }

    /// Warns once a day if the certificate is invalid or expires soon. Returns the next time.
    pub(crate) fn warn_of_expiry(&self, log: &Log, now: Duration) -> Option<Duration> {
        let pair = self.pair.borrow();
        if pair.warned.start_if_due(now).is_none() {
            return pair.warned.due();
        }
        let advice = match pair.validity.remaining(clock::since_epoch()) {
            Remaining::Days(WARNING_DAYS..) => "",
            Remaining::Days(_) => "renew it, and reload",
            Remaining::NotYet => "browsers refuse it. It is served nevertheless: the box's clock may be wrong",
            Remaining::Expired => {
                "browsers refuse it. An expired certificate is still served: the box's clock may be wrong. Renew it, and \
                 reload"
            }
        };
        if !advice.is_empty() {
            log.warning(format_args!("{pair}: {advice}"));
        }
        pair.warned.due()
    }

    /// The expiry of the certificate as a date of HTTP.
    pub(crate) fn expires(&self) -> String {
        http_date(self.pair.borrow().validity.not_after).to_string()
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        let help = "TLS handshakes by outcome. Those that were dropped for newer ones are timed_out.";
        let mut family = Family::new(out, "pacingd_tls_handshakes_total", help)?;
        for (outcome, counter) in HandshakeOutcome::ALL.into_iter().zip(&self.outcomes) {
            family.sample(&[("outcome", outcome.name())], counter.get())?;
        }
        let mut family = Family::new(out, "pacingd_tls_handshakes_under_way", "TLS handshakes under way.")?;
        family.value(self.places.taken())?;
        let help = "When the certificate expires, seconds since 1970.";
        let not_after = self.pair.borrow().validity.not_after.as_secs();
        Family::new(out, "pacingd_tls_certificate_not_after_timestamp_seconds", help)?.value(not_after)?;
        let help = "1 if certificate and key in force are those that were read last, 0 if those were refused.";
        let in_force = u8::from(!self.is_outdated.get());
        Family::new(out, "pacingd_tls_certificate_reload_successful", help)?.value(in_force)
    }
}
