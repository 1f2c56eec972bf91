//! Signed lines: JWS in compact serialization (RFC 7515) with HS256 (RFC 7518, section 3.2).
//!
//! A signed line is `header.payload.signature`, each in base64url. The signature is verified before
//! anything else is read, with a fixed algorithm: a header cannot choose another one (RFC 8725,
//! section 3.1). The header must name HS256 and no critical extension.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::counters::Distrust;
use crate::limits::{KEYS, PAYLOAD_BYTES};
use crate::wire::json::{self, Value};
use crate::wire::line_error::Found;

/// Bytes of the shortest key: the length of the hash (RFC 7518, section 3.2).
pub const KEY_BYTES: usize = 32;

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;

/// Length of `bytes` bytes in base64url without padding.
const fn encoded(bytes: usize) -> usize {
    (4 * bytes).div_ceil(3)
}

/// `{"alg":"HS256"}` in base64url.
const HEADER: &str = "eyJhbGciOiJIUzI1NiJ9";

/// A key: wiped when dropped, and boxed, so that moving it leaves no copy.
#[derive(Clone)]
pub struct Key(Box<Hmac<Sha256>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort {
    pub bytes: usize,
}

impl Key {
    /// Makes a key of at least [`KEY_BYTES`] bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, TooShort> {
        let short = TooShort { bytes: bytes.len() };
        if bytes.len() < KEY_BYTES {
            return Err(short);
        }
        Hmac::new_from_slice(bytes).map(|mac| Self(Box::new(mac))).map_err(|_| short)
    }

    /// Signs a payload. `None`: it is longer than [`PAYLOAD_BYTES`].
    pub fn sign(&self, payload: &[u8]) -> Option<String> {
        if payload.len() > PAYLOAD_BYTES {
            return None;
        }
        let signed = format!("{HEADER}.{}", BASE64URL.encode(payload));
        let signature = Hmac::clone(&self.0).chain_update(signed.as_bytes()).finalize().into_bytes();
        Some(format!("{signed}.{}", BASE64URL.encode(signature)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(not shown)")
    }
}

/// Compares in constant time.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Hmac::clone(&self.0).finalize() == Hmac::clone(&other.0).finalize()
    }
}

/// Each line must be signed with one of these keys. Empty: lines are not signed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys(heapless::Vec<Key, KEYS>);

impl Keys {
    /// Adds a key. Returns false if there are [`KEYS`] already.
    pub fn push(&mut self, key: Key) -> bool {
        self.0.push(key).is_ok()
    }

    /// Verifies a signed line and returns its payload, decoded into `buffer`.
    pub fn verify<'a>(&self, line: &[u8], buffer: &'a mut [u8; PAYLOAD_BYTES]) -> Result<&'a [u8], SignatureError> {
        let mut parts = line.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SignatureError::NotSigned);
        };
        // JSON with two fractions has two dots, too.
        if matches!(header.first(), None | Some(b'{')) {
            return Err(SignatureError::NotSigned);
        }
        if signature.is_empty() {
            return Err(SignatureError::NoSignature);
        }
        if signature.len() != encoded(SIGNATURE_BYTES) {
            return Err(SignatureError::OtherLength { bytes: signature.len() * 3 / 4 });
        }
        let longest = header.len().max(payload.len());
        if longest > encoded(PAYLOAD_BYTES) {
            return Err(SignatureError::TooLong { bytes: longest * 3 / 4 });
        }
        let signed = line.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let mut claimed = [0; SIGNATURE_BYTES];
        let mismatch = SignatureError::Mismatch { keys: self.len() };
        decode(signature, &mut claimed).ok_or_else(|| mismatch.clone())?;
        let fits = |key: &Key| Hmac::clone(&key.0).chain_update(signed).verify_slice(&claimed).is_ok();
        if !self.0.iter().any(fits) {
            return Err(mismatch);
        }
        check_header(decode(header, buffer).ok_or(SignatureError::Encoding("header"))?)?;
        decode(payload, buffer).ok_or(SignatureError::Encoding("payload"))
    }
}

impl core::ops::Deref for Keys {
    type Target = [Key];

    fn deref(&self) -> &[Key] {
        &self.0
    }
}

fn decode<'a>(text: &[u8], bytes: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = BASE64URL.decode_slice(text, bytes).ok()?;
    bytes.get(..length)
}

/// Checks the header of a line whose signature is valid.
fn check_header(header: &[u8]) -> Result<(), SignatureError> {
    let not_an_object = SignatureError::Header("is not a JSON object");
    let text = core::str::from_utf8(header).map_err(|_| not_an_object.clone())?;
    let (mut algorithms, mut other, mut is_critical) = (0, None, false);
    let name = |name: &str| match name {
        "alg" => Some(()),
        // Extensions that must be understood (RFC 7515, section 4.1.11); none is.
        "crit" => {
            is_critical = true;
            None
        }
        _ => None,
    };
    let read = json::members(text, name, |(), value| {
        algorithms += 1;
        match Value::of(value) {
            Value::Text(name) if name == "HS256" => {}
            value => other = Some(Found::from(value)),
        }
    });
    read.map_err(|_| not_an_object)?;
    match (algorithms, other) {
        _ if is_critical => Err(SignatureError::Header("has crit, and no extension is understood")),
        (0, _) => Err(SignatureError::Header("has no alg")),
        (1, None) => Ok(()),
        (1, Some(found)) => Err(SignatureError::OtherAlgorithm { found }),
        _ => Err(SignatureError::Header("has two alg")),
    }
}

/// Why a line is not trusted. Header and encoding are checked only if the signature is valid.
#[derive(Clone, Debug, PartialEq)]
pub enum SignatureError {
    NotSigned,
    NoSignature,
    OtherLength { bytes: usize },
    TooLong { bytes: usize },
    Mismatch { keys: usize },
    OtherAlgorithm { found: Found },
    Header(&'static str),
    Encoding(&'static str),
}

impl SignatureError {
    pub const fn distrust(&self) -> Distrust {
        match self {
            Self::NotSigned => Distrust::NotSigned,
            Self::NoSignature => Distrust::NoSignature,
            Self::OtherLength { .. } | Self::OtherAlgorithm { .. } => Distrust::OtherAlgorithm,
            Self::TooLong { .. } | Self::Header(_) | Self::Encoding(_) => Distrust::BadForm,
            Self::Mismatch { .. } => Distrust::Mismatch,
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSigned => formatter.write_str(
                "not signed; with a key configured a line is a JWS in compact serialization, signed with HS256",
            ),
            Self::NoSignature => formatter.write_str("a JWS without a signature (alg none?); want alg HS256"),
            Self::OtherLength { bytes } => {
                write!(formatter, "its signature has {bytes} bytes; want alg HS256, which makes {SIGNATURE_BYTES}")
            }
            Self::TooLong { bytes } => {
                write!(formatter, "a JWS with a part of {bytes} bytes; want at most {PAYLOAD_BYTES}")
            }
            Self::Mismatch { keys: 1 } => {
                formatter.write_str("its signature does not fit; do the sender and this daemon have the same key?")
            }
            Self::Mismatch { keys } => {
                write!(formatter, "its signature fits none of the {keys} keys; does the sender have one of them?")
            }
            Self::OtherAlgorithm { found } => write!(formatter, "alg is {found}; want \"HS256\""),
            Self::Header(what) => write!(formatter, "its header {what}; want {{\"alg\":\"HS256\"}}"),
            Self::Encoding(part) => write!(formatter, "its {part} is not base64url without padding"),
        }
    }
}

impl fmt::Display for TooShort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes; want a key of at least {KEY_BYTES}", self.bytes)
    }
}

impl core::error::Error for TooShort {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn keys(secrets: &[&[u8]]) -> Keys {
        let mut keys = Keys::default();
        for secret in secrets {
            assert!(keys.push(Key::new(secret).unwrap()));
        }
        keys
    }

    fn base64(bytes: &[u8]) -> String {
        BASE64URL.encode(bytes)
    }

    /// What any key holder can make: a line with any header and payload, signed with HS256 whatever
    /// the header says.
    fn made(header: &str, payload: &str) -> String {
        let parts = [header, payload].map(|part| base64(part.as_bytes()));
        let signed = parts.join(".");
        let signature = Key::new(SECRET).unwrap().0.chain_update(signed.as_bytes()).finalize().into_bytes();
        format!("{signed}.{}", base64(&signature))
    }

    fn open(line: &str) -> Result<Vec<u8>, SignatureError> {
        keys(&[SECRET]).verify(line.as_bytes(), &mut [0; PAYLOAD_BYTES]).map(Vec::from)
    }

    fn distrust(line: &str) -> Distrust {
        open(line).unwrap_err().distrust()
    }

    #[test]
    fn the_example_of_the_standard_verifies() {
        // RFC 7515, appendix A.1.
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let mut buffer = [0; 64];
        let secret = decode(secret.as_bytes(), &mut buffer).unwrap();
        let line = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let mut buffer = [0; PAYLOAD_BYTES];
        let payload = keys(&[secret]).verify(line.as_bytes(), &mut buffer).unwrap();
        assert!(payload.starts_with(b"{\"iss\":\"joe\",\r\n"));
        assert_eq!(distrust(line), Distrust::Mismatch, "with another key");
    }

    #[test]
    fn what_is_signed_here_opens_here_with_either_of_two_keys() {
        let other = [7; KEY_BYTES];
        let line = Key::new(SECRET).unwrap().sign(b"{}").unwrap();
        for both in [[SECRET, &other], [&other, SECRET]] {
            assert_eq!(keys(&both).verify(line.as_bytes(), &mut [0; PAYLOAD_BYTES]), Ok(&b"{}"[..]));
        }
        let error = keys(&[&other, &other]).verify(line.as_bytes(), &mut [0; PAYLOAD_BYTES]).unwrap_err();
        assert_eq!(error, SignatureError::Mismatch { keys: 2 });
        assert!(!keys(&[SECRET, SECRET]).push(Key::new(SECRET).unwrap()), "at most two");
    }

    #[test]
    fn no_byte_of_a_signed_line_can_be_changed_taken_away_or_added() {
        let line = Key::new(SECRET).unwrap().sign(br#"{"channel":"chat","group":"A","ready":1}"#).unwrap();
        let bytes = line.as_bytes();
        let keys = keys(&[SECRET]);
        let mut refused = 0;
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.to_vec();
                altered[place] ^= 1 << bit;
                let is_same = altered == bytes;
                assert_eq!(keys.verify(&altered, &mut [0; PAYLOAD_BYTES]).is_ok(), is_same, "{place} {bit}");
                refused += 1;
            }
            let mut shorter = bytes.to_vec();
            shorter.remove(place);
            assert!(keys.verify(&shorter, &mut [0; PAYLOAD_BYTES]).is_err(), "{place}");
            for more in *b"A.=" {
                let mut longer = bytes.to_vec();
                longer.insert(place, more);
                assert!(keys.verify(&longer, &mut [0; PAYLOAD_BYTES]).is_err(), "{place}");
            }
        }
        assert_eq!(refused, 8 * bytes.len());
        assert_eq!(keys.verify(bytes, &mut [0; PAYLOAD_BYTES]).unwrap().len(), 40);
    }

    #[test]
    fn base64url_is_strict_for_a_signature_has_one_spelling() {
        let line = made(r#"{"alg":"HS256"}"#, "{}");
        let last = line.chars().next_back().unwrap();
        // The last of 43 characters has two bits that mean nothing, and must be 0.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let place = alphabet.find(last).unwrap();
        assert_eq!(place % 4, 0);
        for spelling in alphabet.chars().skip(place + 1).take(3) {
            let other = format!("{}{spelling}", line.strip_suffix(last).unwrap());
            assert_eq!(distrust(&other), Distrust::Mismatch);
        }
        assert_eq!(distrust(&format!("{line}=")), Distrust::OtherAlgorithm, "padding makes it longer");
        for signature in [&"+".repeat(43), &"/".repeat(43)] {
            let signed = line.rsplit_once('.').unwrap().0;
            assert_eq!(distrust(&format!("{signed}.{signature}")), Distrust::Mismatch);
        }
    }

    #[test]
    fn a_header_must_name_hs256_and_nothing_to_be_understood() {
        for header in [
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"HS256","typ":"JWT","kid":"2026-11"}"#,
            r#" { "typ" : {"a":[1,2]} , "\u0061lg" : "HS\u003256" } "#,
        ] {
            assert_eq!(open(&made(header, "{}")), Ok(b"{}".to_vec()), "{header}");
        }
        for (header, want) in [
            (r#"{"alg":"none"}"#, Distrust::OtherAlgorithm),
            (r#"{"alg":"hs256"}"#, Distrust::OtherAlgorithm),
            (r#"{"alg":"RS256"}"#, Distrust::OtherAlgorithm),
            (r#"{"alg":"HS512"}"#, Distrust::OtherAlgorithm),
            (r#"{"alg":["HS256"]}"#, Distrust::OtherAlgorithm),
            (r#"{"alg":null}"#, Distrust::OtherAlgorithm),
            (r#"{"alg":"HS256","alg":"HS256"}"#, Distrust::BadForm),
            (r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, Distrust::BadForm),
            (r#"{"alg":"HS256","crit":[]}"#, Distrust::BadForm),
            (r#"{"crit":["exp"],"alg":"HS256"}"#, Distrust::BadForm),
            (r#"{"typ":"JWT"}"#, Distrust::BadForm),
            (r#"{"alg":"HS256"}x"#, Distrust::BadForm),
            (r#"{"alg":"HS256""#, Distrust::BadForm),
            (r#"["HS256"]"#, Distrust::BadForm),
            ("\u{1}", Distrust::BadForm),
        ] {
            assert_eq!(distrust(&made(header, "{}")), want, "{header}");
        }
    }

    #[test]
    fn what_has_no_signature_is_unsigned_whatever_it_looks_like() {
        for line in [
            "",
            "garbage",
            ".",
            "..",
            "...",
            "a.b",
            "a.b.c.d",
            ".a.b",
            r#"{"channel":"chat","group":"A","ready":1}"#,
            r#"{"channel":"chat","group":"A","ready":1,"handleTime":1.5,"reactiveState":0.5}"#,
        ] {
            assert_eq!(distrust(line), Distrust::NotSigned, "{line}");
        }
        let signed = made(r#"{"alg":"none"}"#, "{}");
        let unsecured = format!("{}.", signed.rsplit_once('.').unwrap().0);
        assert_eq!(distrust(&unsecured), Distrust::NoSignature, "RFC 7515, appendix A.5");
    }

    #[test]
    fn a_payload_has_a_longest_length_and_more_is_not_verified() {
        let longest = "x".repeat(PAYLOAD_BYTES);
        let line = Key::new(SECRET).unwrap().sign(longest.as_bytes()).unwrap();
        assert_eq!(open(&line), Ok(longest.clone().into_bytes()));
        assert!(Key::new(SECRET).unwrap().sign(format!("{longest}x").as_bytes()).is_none());
        let long = open(&made(r#"{"alg":"HS256"}"#, &format!("{longest}x")));
        assert_eq!(long, Err(SignatureError::TooLong { bytes: PAYLOAD_BYTES + 1 }));
        let long = open(&made(&longest.replace('x', "  "), "{}"));
        assert_eq!(long, Err(SignatureError::TooLong { bytes: 2 * PAYLOAD_BYTES }));
    }

    #[test]
    fn a_key_is_wiped_when_it_is_dropped() {
        // What a `Hmac` consists of (it does not say so itself): two hashes and a buffer.
        fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
        is_wiped::<<Sha256 as hmac::EagerHash>::Core>();
        is_wiped::<hmac::digest::block_api::Buffer<hmac::block_api::HmacCore<Sha256>>>();
    }

    #[test]
    fn a_key_has_32_bytes_or_more_and_shows_none_of_them() {
        for (bytes, is_key) in [(0, false), (31, false), (32, true), (64, true), (65, true), (1024, true)] {
            assert_eq!(Key::new(&std::vec![b'k'; bytes]).is_ok(), is_key, "{bytes}");
        }
        assert_eq!(Key::new(b"short").unwrap_err().to_string(), "5 bytes; want a key of at least 32");
        assert_eq!(format!("{:?}", keys(&[SECRET])), "Keys([Key(not shown)])");
        assert_eq!(keys(&[SECRET]), keys(&[SECRET]));
        assert_ne!(keys(&[SECRET]), keys(&[&[7; KEY_BYTES]]));
    }
}
