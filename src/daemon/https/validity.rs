//! From when until when a certificate is valid (RFC 5280, section 4.1.2.5). Nothing else of it is read here.

use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode as _, Header, SliceReader, Tag};

/// Times since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Duration,
    pub(super) not_after: Duration,
}

/// How long a certificate is still good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    NotYet,
    /// Whole days.
    Days(u64),
    Expired,
}

impl Validity {
    pub(super) fn of(certificate: &[u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(certificate)?;
        // Certificate, and in it TBSCertificate.
        Header::decode(&mut reader)?;
        Header::decode(&mut reader)?;
        // The version is left out in version 1.
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
