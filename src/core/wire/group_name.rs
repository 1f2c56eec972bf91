//! The name of an agent group: 1 to 64 bytes of UTF-8 without control characters.

use core::fmt;

use crate::limits::GROUP_NAME_BYTES;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupName(heapless::String<GROUP_NAME_BYTES, u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    Empty,
    TooLong { bytes: usize },
    ControlCharacter,
}

impl GroupName {
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        heapless::String::try_from(name).map(Self).map_err(|_| NameError::TooLong { bytes: name.len() })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("empty")?,
            Self::TooLong { bytes } => write!(formatter, "{bytes} bytes long")?,
            Self::ControlCharacter => formatter.write_str("a text with a control character")?,
        }
        write!(formatter, "; a name has 1 to {GROUP_NAME_BYTES} bytes of UTF-8 without control characters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_64_bytes() {
        let longest = [b'x'; GROUP_NAME_BYTES];
        let longest = core::str::from_utf8(&longest).unwrap();
        let too_long = [b'x'; GROUP_NAME_BYTES + 1];
        let too_long = core::str::from_utf8(&too_long).unwrap();
        assert_eq!(GroupName::new(""), Err(NameError::Empty));
        assert!(GroupName::new("x").is_ok());
        assert!(GroupName::new(longest).is_ok());
        assert_eq!(GroupName::new(too_long), Err(NameError::TooLong { bytes: 65 }));
    }

    #[test]
    fn a_name_has_no_control_characters_but_any_script() {
        for bad in ["a\nb", "a\0", "\u{7f}", "\u{85}"] {
            assert_eq!(GroupName::new(bad), Err(NameError::ControlCharacter), "{bad:?}");
        }
        for good in ["Überweisung", "客服", "a b", "\"'\\<>&"] {
            assert_eq!(GroupName::new(good).unwrap().as_str(), good);
        }
    }
}
