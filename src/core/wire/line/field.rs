//! The fields of a line, and how they are written.

/// Fields that are whole numbers: the first ones, of which those from that one on are as large as a `u64`.
pub(super) const WHOLE: usize = Field::Time as usize + 1;
pub(super) const FIRST_TOTAL: usize = Field::ReactiveEntered as usize;

macro_rules! fields {
    ($($field:ident $name:literal),+ $(,)?) => {
        /// A field of a line.
        #[derive(Clone, Copy)]
        pub(super) enum Field {
            $($field),+
        }

        impl Field {
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name),+
                }
            }

            /// `None`: a field of a collector that has grown.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$field),)+
                    _ => None,
                }
            }
        }
    };
}

fields! {
    Ready "ready",
    LoggedIn "loggedIn",
    Slots "slots",
    FreeSlots "freeSlots",
    Reactive "reactive",
    Proactive "proactive",
    Queued "queued",
    InvitationsPending "invitationsPending",
    ReactiveEntered "reactiveEntered",
    ProactiveEntered "proactiveEntered",
    Abandoned "abandoned",
    InvitationsSent "invitationsSent",
    InvitationsAccepted "invitationsAccepted",
    Time "time",
    Channel "channel",
    Group "group",
    Collector "collector",
    HandleTime "handleTime",
    ReactiveState "reactiveState",
}

impl Field {
    /// The field whose key begins here, as nearly every sender writes it, and the length of the key with its quotes and
    /// its colon. Spelt out, for so the compiler compares each at one stroke.
    #[inline(always)]
    pub(super) fn spelt_plainly(rest: &[u8]) -> Option<(Self, &[u8])> {
        macro_rules! one_of {
            ($($field:ident $key:literal),+) => {
                match () {
                    $(() if let Some(value) = rest.strip_prefix($key) => Some((Self::$field, value)),)+
                    () => None,
                }
            };
        }
        match rest.get(1)? {
            b'a' => one_of!(Abandoned b"\"abandoned\":"),
            b'c' => one_of!(Channel b"\"channel\":", Collector b"\"collector\":"),
            b'f' => one_of!(FreeSlots b"\"freeSlots\":"),
            b'g' => one_of!(Group b"\"group\":"),
            b'h' => one_of!(HandleTime b"\"handleTime\":"),
            b'i' => one_of!(
                InvitationsSent b"\"invitationsSent\":",
                InvitationsAccepted b"\"invitationsAccepted\":",
                InvitationsPending b"\"invitationsPending\":"
            ),
            b'l' => one_of!(LoggedIn b"\"loggedIn\":"),
            b'p' => one_of!(Proactive b"\"proactive\":", ProactiveEntered b"\"proactiveEntered\":"),
            b'q' => one_of!(Queued b"\"queued\":"),
            b'r' => one_of!(
                Ready b"\"ready\":",
                Reactive b"\"reactive\":",
                ReactiveEntered b"\"reactiveEntered\":",
                ReactiveState b"\"reactiveState\":"
            ),
            b's' => one_of!(Slots b"\"slots\":"),
            b't' => one_of!(Time b"\"time\":"),
            _ => None,
        }
    }
}
