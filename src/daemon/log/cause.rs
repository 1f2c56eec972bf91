//! What outsiders can make the log say, each cause once a minute.

use super::Level;
use pacingd::named;

named! {
    /// Why a line is logged once a minute only. The name is that of the lines left out.
    pub(crate) enum Cause {
        Malformed => "malformed lines of statistics",
        OutOfRange => "lines of statistics with values out of range",
        TableFull => "lines of statistics of groups without a place",
        Unsigned => "unsigned lines of statistics",
        BadSignature => "lines of statistics with bad signatures",
        Replayed => "replayed or untimely lines of statistics",
        NotAllowed => "datagrams from networks that may not send",
        Receive => "errors of a statistics socket",
        Dropped => "reports of datagrams that the kernel dropped",
        Accept => "failures to accept a connection",
        Declared => "declared groups without a place",
        Handshake => "TLS handshakes that failed",
    }
}

impl Cause {
    /// For whom it is. On the open internet somebody always tries a handshake that fails: the counts of it suffice.
    pub(super) const fn level(self) -> Level {
        match self {
            Self::Handshake => Level::Debug,
            _ => Level::Warning,
        }
    }
}
