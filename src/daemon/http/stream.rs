//! What a connection runs over: TCP, or TLS over TCP. One type for both, so that hyper is in the binary once.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub(crate) type Stream = Box<dyn OverTcp>;

pub(crate) trait OverTcp: AsyncRead + AsyncWrite + Unpin {
    /// The socket beneath.
    fn tcp(&self) -> &TcpStream;
}

impl OverTcp for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

#[cfg(feature = "tls")]
impl OverTcp for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}
