//! Media channels.

crate::named! {
    pub enum Channel {
        Chat => "chat",
        Webcallback => "webcallback",
    }
}
