//! The media channels that the API knows.

crate::named! {
    /// A media channel, with its name in statistics, requests and the configuration.
    pub enum Channel {
        /// Chat.
        Chat => "chat",
        /// Web callback.
        Webcallback => "webcallback",
    }
}
