//! A certificate and its private key from PEM files: what fits together, or what is wrong with which file.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use zeroize::Zeroizing;

use super::date;
use super::validity::{Remaining, Validity};
use crate::clock;
use crate::configuration::{FileName, PairFiles, files};

/// Bytes of the longest file: chains have a few certificates of some kilobytes each, and what is longer is none.
const FILE_BYTES: usize = 256 * 1024;

const WANT_CERTIFICATE: &str = "PEM: -----BEGIN CERTIFICATE-----, the server's own first";
const WANT_KEY: &str = "PEM: a private key, RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519";

/// Certificate and key that fit together.
pub(crate) struct Pair {
    pub(super) files: PairFiles,
    pub(super) key: Arc<CertifiedKey>,
    pub(super) validity: Validity,
    /// What should be mended, but is no reason to refuse it.
    pub(super) complaint: Option<String>,
}

/// What rustls computes with.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Pair {
    pub(super) fn load(files: &PairFiles) -> Result<Self, String> {
        let text = read(&files.certificate)?;
        let wrong = |what: &dyn fmt::Display| wrong(&files.certificate, what, WANT_CERTIFICATE);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|error| wrong(&pem_fault(&text, &error)))?;
        let Some(own) = chain.first() else {
            return Err(wrong(&format_args!("has no certificate, but {}", Labels(&text))));
        };
        let validity = Validity::of(own).map_err(|error| wrong(&format_args!("has a broken certificate: {error}")))?;

        let text = read(&files.key)?;
        let wrong = |what: &dyn fmt::Display| self::wrong(&files.key, what, WANT_KEY);
        if contains(&text, b"ENCRYPTED") {
            let without = "a key without a passphrase (openssl pkey), readable by nobody but the daemon";
            return Err(self::wrong(&files.key, &"is encrypted", without));
        }
        let key = match PrivateKeyDer::pem_slice_iter(&text).next() {
            Some(key) => key.map_err(|error| wrong(&pem_fault(&text, &error)))?,
            None => return Err(wrong(&format_args!("has no private key, but {}", Labels(&text)))),
        };
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                let what = format_args!("is not the key of the first certificate in {}", files.certificate);
                self::wrong(&files.key, &what, "the two of one pair")
            }
            Error::InvalidCertificate(error) => {
                let what = format_args!("has a broken certificate: {error:?}");
                self::wrong(&files.certificate, &what, WANT_CERTIFICATE)
            }
            other => wrong(&format_args!("cannot be used: {other}")),
        })?;
        Ok(Self { files: files.clone(), key: Arc::new(key), validity, complaint: complaint(&files.key) })
    }
}

/// What is in force, in words.
impl fmt::Display for Pair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Validity { not_before, not_after } = self.validity;
        write!(formatter, "{} is valid until {}", self.files.certificate, date(not_after))?;
        match self.validity.remaining(clock::since_epoch()) {
            Remaining::NotYet => write!(formatter, ", but not before {}", date(not_before)),
            Remaining::Days(days) => write!(formatter, " (days left: {days})"),
            Remaining::Expired => write!(formatter, ", which is over"),
        }
    }
}

fn read(name: &FileName) -> Result<Zeroizing<Vec<u8>>, String> {
    files::read(&name.path()?, FILE_BYTES).map_err(|error| name.unreadable(&error))
}

fn wrong(name: &FileName, what: &dyn fmt::Display, want: &str) -> String {
    name.wrong(format_args!("{what}; want {want}"))
}

/// What is wrong with the form of a file, in words that have nothing of the file: it may be a key.
fn pem_fault(text: &[u8], error: &pem::Error) -> &'static str {
    // A line of its own has five dashes at both ends, and none in between.
    let is_broken = |line: &[u8]| {
        let label =
            line.trim_ascii_end().strip_prefix(b"-----BEGIN ").map(|rest| rest.strip_suffix(b"-----").unwrap_or(rest));
        label.is_some_and(|label| contains(label, b"-----"))
    };
    match error {
        _ if contains(text, b"\0") => "is not text: it may be DER or UTF-16",
        _ if text.split(|byte| *byte == b'\n').any(is_broken) => "has no line break after its BEGIN line",
        pem::Error::MissingSectionEnd { .. } => "has a BEGIN line without its END line",
        pem::Error::IllegalSectionStart { .. } => "has a BEGIN line that goes on behind its dashes",
        pem::Error::Base64Decode(_) => "has something other than base64 between its BEGIN and END lines",
        _ => "is not PEM",
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// A key that all may read is no secret.
fn complaint(key: &FileName) -> Option<String> {
    let mode = fs::metadata(key.path().ok()?).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| key.wrong(format_args!("can be read by everyone (mode {:o}); want 600", mode & 0o777)))
}

/// What a PEM file has, by the labels of its sections.
struct Labels<'a>(&'a [u8]);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(self.0);
        // Without its line breaks a key stands where the label is: no label has more than capitals and blanks.
        let is_label =
            |label: &&str| label.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ') && label.len() < 32;
        let label = |line: &'_ str| {
            Some(line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----").filter(is_label)?.to_owned())
        };
        let labels: Vec<String> = text.lines().filter_map(label).collect();
        formatter.write_str(if labels.is_empty() { "nothing in PEM" } else { "" })?;
        formatter.write_str(&labels.join(", "))
    }
}
