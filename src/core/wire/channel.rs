//! The media channels that the API knows.

use core::fmt;

/// A media channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Chat.
    Chat,
    /// Web callback.
    Webcallback,
}

impl Channel {
    /// Every channel, in the order of their discriminants.
    pub const ALL: [Self; 2] = [Self::Chat, Self::Webcallback];

    /// The channel with that name, in this spelling.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "chat" => Some(Self::Chat),
            "webcallback" => Some(Self::Webcallback),
            _ => None,
        }
    }

    /// The name in statistics, requests and the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Webcallback => "webcallback",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
