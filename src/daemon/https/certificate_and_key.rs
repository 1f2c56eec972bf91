//! Loads a certificate chain and its private key from PEM files.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode as _, Header, SliceReader, Tag};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};

use crate::clock;
use crate::configuration::FileName;
use crate::http::dates::http_date;
use crate::throttle::Throttle;

/// Bytes of the largest file: a chain has a few certificates of some kilobytes each.
const FILE_BYTES: usize = 256 * 1024;

const WARNING_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

const WANT_CERTIFICATE: &str = "PEM: -----BEGIN CERTIFICATE-----, the server's own first";
const WANT_KEY: &str = "PEM: a private key, RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519";

pub(crate) struct Pair {
    certificate: FileName,
    pub(super) resolver: Arc<SingleCertAndKey>,
    pub(super) validity: Validity,
    /// A fault that is no reason to refuse the files.
    pub(super) complaint: Option<String>,
    /// For warnings of expiry.
    pub(super) warned: Throttle,
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Pair {
    /// Reads and checks both files. Messages do not quote the files, nor the libraries' errors,
    /// which do: a key might be logged.
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

/// The certificate's file and validity.
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

/// Complains of a key that everyone can read.
fn complaint(key: &FileName) -> Option<String> {
    let mode = fs::metadata(key.path().ok()?).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| key.wrong(format_args!("can be read by everyone (mode {:o}); want 600", mode & 0o777)))
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// Describes the fault of a PEM file. `error` itself quotes the file's bytes.
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

/// Labels in PEM files (RFC 7468, and OpenSSL).
const LABELS: &str = "CERTIFICATE, CERTIFICATE REQUEST, DH PARAMETERS, EC PARAMETERS, EC PRIVATE KEY, \
    ENCRYPTED PRIVATE KEY, OPENSSH PRIVATE KEY, PRIVATE KEY, PUBLIC KEY, RSA PRIVATE KEY, TRUSTED CERTIFICATE";

/// Lists the labels in a PEM file; unknown ones are not quoted.
fn labels(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let sections = text.lines().filter_map(|line| line.trim().strip_prefix(BEGIN)?.split_once(DASHES));
    let known = |label| LABELS.split(", ").find(|known| *known == label).unwrap_or("something with another label");
    let labels: Vec<&str> = sections.map(|(label, _)| known(label)).collect();
    if labels.is_empty() { "nothing in PEM".to_owned() } else { labels.join(", ") }
}

/// The validity of a certificate (RFC 5280, section 4.1.2.5), as times since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Duration,
    pub(super) not_after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    NotYet,
    Days(u64),
    Expired,
}

impl Validity {
    fn of(certificate: &[u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(certificate)?;
        // Certificate, then TBSCertificate.
        Header::decode(&mut reader)?;
        Header::decode(&mut reader)?;
        // Version 1 omits the version.
        if Tag::peek(&reader)?.is_context_specific() {
            AnyRef::decode(&mut reader)?;
        }
        for _serial_number_and_signature_and_issuer in 0..3 {
            AnyRef::decode(&mut reader)?;
        }
        Header::decode(&mut reader)?;
        Ok(Self { not_before: time(&mut reader)?, not_after: time(&mut reader)? })
    }

    pub(super) fn remaining(&self, now: Duration) -> Remaining {
        if now < self.not_before {
            return Remaining::NotYet;
        }
        let left = self.not_after.checked_sub(now);
        left.map_or(Remaining::Expired, |left| Remaining::Days(left.as_secs() / (24 * 60 * 60)))
    }
}

fn time(reader: &mut SliceReader<'_>) -> der::Result<Duration> {
    if Tag::peek(reader)? == Tag::UtcTime {
        return UtcTime::decode(reader).map(|time| time.to_unix_duration());
    }
    GeneralizedTime::decode(reader).map(|time| time.to_unix_duration())
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

    /// A certificate that ends behind its validity.
    fn certificate(version: &[u8], times: &[&[u8]]) -> Vec<u8> {
        let mut inside = version.to_vec();
        inside.extend([0x02, 1, 7, 0x30, 0, 0x30, 0]);
        inside.extend([0x30, u8::try_from(times.concat().len()).unwrap()]);
        inside.extend(times.concat());
        let length = u8::try_from(inside.len()).unwrap();
        [&[0x30, length + 2, 0x30, length], &*inside].concat()
    }

    #[test]
    fn both_forms_of_a_time_are_read_and_a_version_may_be_left_out() {
        let from: &[u8] = b"\x17\x0d261122083545Z";
        for version in [&b"\xa0\x03\x02\x01\x02"[..], b""] {
            let validity = Validity::of(&certificate(version, &[from, b"\x17\x0d491231235959Z"])).unwrap();
            assert_eq!(validity.not_before, Duration::from_secs(1_795_336_545));
            assert_eq!(validity.not_after, Duration::from_secs(2_524_607_999));
            let validity = Validity::of(&certificate(version, &[from, b"\x18\x0f20500101000000Z"])).unwrap();
            assert_eq!(validity.not_after, Duration::from_secs(2_524_608_000));
        }
    }

    #[test]
    fn what_is_no_certificate_is_an_error_however_it_is_cut() {
        let whole = certificate(b"", &[b"\x17\x0d261122083545Z", b"\x17\x0d491231235959Z"]);
        for end in 0..whole.len() {
            assert!(Validity::of(&whole[..end]).is_err(), "{end} bytes");
        }
        assert!(Validity::of(&certificate(b"", &[b"\x17\x0d269922083545Z", b"\x17\x0d491231235959Z"])).is_err());
    }

    #[test]
    fn what_remains_is_in_whole_days() {
        let day = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        let validity = Validity { not_before: day(10), not_after: day(100) };
        assert_eq!(validity.remaining(day(9)), Remaining::NotYet);
        assert_eq!(validity.remaining(day(10)), Remaining::Days(90));
        assert_eq!(validity.remaining(day(99) + Duration::from_secs(1)), Remaining::Days(0));
        assert_eq!(validity.remaining(day(100) + Duration::from_secs(1)), Remaining::Expired);
    }
}
