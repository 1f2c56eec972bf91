//! A certificate and its private key from PEM files that fit together, or what is wrong with which file.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};

use super::validity::{Remaining, Validity};
use crate::clock;
use crate::configuration::FileName;
use crate::http::dates::http_date;
use crate::throttle::Throttle;

/// Bytes of the longest file: chains have a few certificates of some kilobytes each, and what is longer is something else.
const FILE_BYTES: usize = 256 * 1024;

/// How often a certificate that expires soon is warned of.
const WARNING_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

const WANT_CERTIFICATE: &str = "PEM: -----BEGIN CERTIFICATE-----, the server's own first";
const WANT_KEY: &str = "PEM: a private key, RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519";

/// Certificate and key that fit together.
pub(crate) struct Pair {
    certificate: FileName,
    pub(super) resolver: Arc<SingleCertAndKey>,
    pub(super) validity: Validity,
    /// What should be mended, but is no reason to refuse the files.
    pub(super) complaint: Option<String>,
    /// Whether a warning of the certificate's end is due.
    pub(super) warned: Throttle,
}

/// What rustls computes with.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Pair {
    /// Reads and checks the files of a certificate and its key.
    ///
    /// # Errors
    ///
    /// What is wrong with which of them. No message repeats what stands in a file, and so none repeats a key: not even
    /// the errors of the libraries, which do.
    pub(super) fn load((certificate_file, key_file): (FileName, FileName)) -> Result<Self, String> {
        let wrong_certificate = |what: &str| certificate_file.wrong(format_args!("{what}; want {WANT_CERTIFICATE}"));
        let wrong_key = |what: &str| key_file.wrong(format_args!("{what}; want {WANT_KEY}"));

        let text = certificate_file.read(FILE_BYTES)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|error| wrong_certificate(pem_fault(&text, &error)))?;
        let Some(own) = chain.first() else {
            return Err(wrong_certificate(&format!("has no certificate, but {}", labels(&text))));
        };
        let validity = Validity::of(own).map_err(|_| wrong_certificate("has a broken certificate"))?;

        let text = key_file.read(FILE_BYTES)?;
        let is_encrypted = |line: &[u8]| line.starts_with(b"Proc-Type: 4,ENCRYPTED");
        if labels(&text).contains("ENCRYPTED") || text.split(|byte| *byte == b'\n').any(is_encrypted) {
            return Err(key_file.wrong(
                "is encrypted; want a key without a passphrase (openssl pkey), readable by nobody but the daemon",
            ));
        }
        let Some(key) = PrivateKeyDer::pem_slice_iter(&text).next() else {
            return Err(wrong_key(&format!("has no private key, but {}", labels(&text))));
        };
        let key = key.map_err(|error| wrong_key(pem_fault(&text, &error)))?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => key_file.wrong(format_args!(
                "is not the key of the first certificate in {certificate_file}; want the two of one pair"
            )),
            Error::InvalidCertificate(_) => wrong_certificate("has a broken certificate"),
            _ => wrong_key("has a private key that cannot be used"),
        })?;
        let warned = Throttle::new(WARNING_INTERVAL);
        let resolver = Arc::new(SingleCertAndKey::from(key));
        Ok(Self { certificate: certificate_file, resolver, validity, complaint: complaint(&key_file), warned })
    }
}

/// The certificate in use, and how long it is valid.
impl fmt::Display for Pair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { certificate, validity, .. } = self;
        let (not_before, not_after) = (http_date(validity.not_before), http_date(validity.not_after));
        match validity.remaining(clock::since_epoch()) {
            Remaining::NotYet => write!(formatter, "{certificate} is not valid before {not_before}"),
            Remaining::Days(days) => write!(formatter, "{certificate} is valid until {not_after} (days left: {days})"),
            Remaining::Expired => write!(formatter, "{certificate} expired on {not_after}"),
        }
    }
}

/// A key that everyone can read is no secret.
fn complaint(key: &FileName) -> Option<String> {
    let mode = fs::metadata(key.path().ok()?).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| key.wrong(format_args!("can be read by everyone (mode {:o}); want 600", mode & 0o777)))
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// What is wrong with a PEM file. The error is never shown: it repeats the file's bytes.
fn pem_fault(text: &[u8], error: &pem::Error) -> &'static str {
    let text = String::from_utf8_lossy(text);
    let has_more_behind_its_label = |line: &str| {
        let rest = line.trim().strip_prefix(BEGIN).and_then(|line| line.split_once(DASHES));
        rest.is_some_and(|(_, rest)| !rest.is_empty())
    };
    match error {
        _ if text.lines().any(has_more_behind_its_label) => "has no line break after its BEGIN line",
        pem::Error::MissingSectionEnd { .. } => "has no END line after its BEGIN line",
        pem::Error::IllegalSectionStart { .. } => "has a BEGIN line that does not end with five dashes",
        pem::Error::Base64Decode(_) => "has something else than base64 between its BEGIN and END lines",
        _ => "is not PEM",
    }
}

/// The labels that PEM files have for keys and certificates (RFC 7468, and OpenSSL).
const LABELS: &str = "CERTIFICATE, CERTIFICATE REQUEST, DH PARAMETERS, EC PARAMETERS, EC PRIVATE KEY, \
    ENCRYPTED PRIVATE KEY, OPENSSH PRIVATE KEY, PRIVATE KEY, PUBLIC KEY, RSA PRIVATE KEY, TRUSTED CERTIFICATE";

/// Lists the labels in a PEM file. What is not among those that are known is not repeated: it could be anything.
fn labels(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let sections = text.lines().filter_map(|line| line.trim().strip_prefix(BEGIN)?.split_once(DASHES));
    let known = |label| LABELS.split(", ").find(|known| *known == label).unwrap_or("something with another label");
    let labels: Vec<&str> = sections.map(|(label, _)| known(label)).collect();
    if labels.is_empty() { "nothing in PEM".to_owned() } else { labels.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_described_by_labels_that_are_known_and_by_no_others() {
        for (text, want) in [
            ("", "nothing in PEM"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "CERTIFICATE"),
            ("-----BEGIN RSA PRIVATE KEY-----AAAA-----END RSA PRIVATE KEY-----", "RSA PRIVATE KEY"),
            ("-----BEGIN MIGHAgEAMBMGByqGSM49-----\n", "something with another label"),
            ("-----BEGIN PRIVATE KEY\nAAAA", "nothing in PEM"),
        ] {
            assert_eq!(labels(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_pem_is_said_without_a_byte_of_it() {
        for (text, want) in [
            ("-----BEGIN PRIVATE KEY-----AAAA-----END PRIVATE KEY-----\n", "has no line break after its BEGIN line"),
            ("-----BEGIN PRIVATE KEY----- AAAA -----END PRIVATE KEY-----", "has no line break after its BEGIN line"),
            (
                r"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "has no line break after its BEGIN line",
            ),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "has no END line after its BEGIN line"),
            ("-----BEGIN PRIVATE KEY--\nAAAA\n", "has a BEGIN line that does not end with five dashes"),
            (
                "-----BEGIN PRIVATE KEY-----\nA?AA\n-----END PRIVATE KEY-----\n",
                "has something else than base64 between its BEGIN and END lines",
            ),
        ] {
            let error = PrivateKeyDer::pem_slice_iter(text.as_bytes()).next().unwrap().unwrap_err();
            assert_eq!(pem_fault(text.as_bytes(), &error), want, "{text}");
        }
    }
}
