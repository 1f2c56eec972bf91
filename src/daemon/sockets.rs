//! Opens the listening sockets, or takes them from systemd (`sd_listen_fds(3)`), which keeps
//! connections and datagrams queued while the daemon restarts.
//!
//! A socket unit names all its sockets alike. Where the name is none of `http`, `https`,
//! `operators` and `statistics`, the type and the port decide: UDP is for statistics, the port of
//! `operators.listen` for operators, one of `https.listen` for HTTPS, any other TCP port for HTTP.
//! Each is used as it is bound; `BindIPv6Only=` of the unit decides about IPv4.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use listenfd::ListenFd;
use socket2::{Domain, Socket, Type};

use crate::configuration::Configuration;
use crate::exit::Failure;
use crate::log::Log;
use crate::statistics::endpoint::Endpoint;

/// Length of the listen queue. Linux caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// Send and receive buffer of a connection (the kernel doubles it, for its own records): many
/// answers, and two heads. By default the kernel buffers megabytes of answers for a client that
/// sends requests and reads nothing.
const KERNEL_BYTES: usize = 16 * 1024;

/// Maximum segment size. Loopback's own, 64 KiB, would fill the send buffer with one segment, whose
/// acknowledgement the client's kernel delays by 40 ms. Ethernet's segments are shorter than this.
const SEGMENT_BYTES: u32 = 4096;

/// Receive buffer requested for statistics, in bytes: a burst of a thousand short datagrams, which
/// take 768 to 1,280 bytes each. The kernel grants at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 1024 * 1024;

/// Non-blocking sockets.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) http: Vec<Socket>,
    pub(crate) https: Vec<Socket>,
    pub(crate) operators: Vec<Socket>,
    /// Without multicast groups, which are joined when their interfaces appear.
    pub(crate) statistics: Vec<Socket>,
}

/// Opens all sockets. To be called once, while there is one thread.
pub(crate) fn open(configuration: &Configuration, log: &Log) -> Result<Sockets, Failure> {
    let Configuration { http, https, operators, statistics, .. } = configuration;
    let mut sockets = Sockets::from_systemd(configuration).map_err(Failure::configuration)?;
    if !sockets.https.is_empty() && https.pair().is_none() {
        let want = "want https.certificate and https.key in the configuration";
        return Err(Failure::configuration(format!("systemd hands over a socket for HTTPS; {want}")));
    }
    let unicast: Vec<_> = statistics.listen.iter().filter_map(Endpoint::unicast).collect();
    let mut opened = Vec::new();
    for (key, what, kind, sockets, configured) in [
        ("http.listen", "answering HTTP on", Type::STREAM, &mut sockets.http, &http.listen[..]),
        ("https.listen", "answering HTTPS on", Type::STREAM, &mut sockets.https, &https.listen),
        ("operators.listen", "answering operators on", Type::STREAM, &mut sockets.operators, &[operators.listen]),
        ("statistics.listen", "receiving statistics on UDP", Type::DGRAM, &mut sockets.statistics, &unicast),
    ] {
        if let Some(warning) = overruled(key, sockets, configured) {
            log.warning(format_args!("{warning}"));
        }
        if sockets.is_empty() {
            for address in configured {
                let failed = |error| Failure::system(format!("cannot listen on {address} ({key}): {error}"));
                sockets.push(bind(kind, *address, configured).map_err(failed)?);
            }
        }
        for socket in sockets {
            let failed = |error| Failure::system(format!("cannot use the socket of {key}: {error}"));
            prepare(socket, kind).map_err(failed)?;
            opened.push(format!("{what} {}", local(socket)));
        }
    }
    opened.iter().for_each(|line| log.info(format_args!("{line}")));
    sockets.statistics.iter().for_each(|socket| log_buffer(socket, log));
    Ok(sockets)
}

/// Returns a warning if `key` has no effect because systemd holds sockets of other addresses.
fn overruled(key: &str, held: &[Socket], configured: &[SocketAddr]) -> Option<String> {
    let (mut held, mut configured): (Vec<_>, _) = (held.iter().map(local).collect(), configured.to_vec());
    held.sort_unstable();
    configured.sort_unstable();
    (!held.is_empty() && held != configured).then(|| {
        format!(
            "{key} is {configured:?}, but systemd listens on {held:?} instead; change pacingd.socket (systemctl edit)"
        )
    })
}

/// Binds a socket to `address`, one of `all`.
fn bind(kind: Type, address: SocketAddr, all: &[SocketAddr]) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        // Always set, because the default depends on net.ipv6.bindv6only. `[::]` takes IPv4 too,
        // unless another socket does.
        let is_beside = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
        socket.set_only_v6(address.ip() == Ipv6Addr::UNSPECIFIED && all.iter().any(is_beside))?;
    }
    if kind == Type::DGRAM {
        enlarge_buffer(&socket);
        socket.bind(&address.into())?;
    } else {
        // Connections of the last run in TIME_WAIT must not prevent a restart.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

fn prepare(socket: &Socket, kind: Type) -> io::Result<()> {
    if kind == Type::STREAM {
        // Accepted sockets inherit these.
        socket.set_send_buffer_size(KERNEL_BYTES)?;
        socket.set_recv_buffer_size(KERNEL_BYTES)?;
        socket.set_tcp_mss(SEGMENT_BYTES)?;
    }
    socket.set_nonblocking(true)
}

/// The socket's own address, or 0.0.0.0:0 if it is not known.
pub(crate) fn local(socket: &Socket) -> SocketAddr {
    let address = socket.local_addr().ok().and_then(|address| address.as_socket());
    address.unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into())
}

pub(crate) fn enlarge_buffer(socket: &Socket) {
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
}

pub(crate) fn log_buffer(socket: &Socket, log: &Log) {
    // The kernel reports twice what it grants.
    let Ok(granted) = socket.recv_buffer_size().map(|bytes| bytes / 2) else { return };
    let is_small = granted < RECEIVE_BUFFER;
    let advice = if is_small { "; bursts are safer with 1024: raise net.core.rmem_max and restart" } else { "" };
    log.info(format_args!("receive buffer for statistics: {} KiB{advice}", granted / 1024));
}

impl Sockets {
    /// Takes the sockets that systemd passed, if any. Fails if one of them cannot be used.
    fn from_systemd(configuration: &Configuration) -> Result<Self, String> {
        let mut handed_over = ListenFd::from_env();
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut sockets = Self::default();
        for index in 0..handed_over.len() {
            let name = names.next().unwrap_or_default();
            if let Ok(Some(socket)) = handed_over.take_udp_socket(index) {
                sockets.add(name, true, socket.into(), configuration)?;
            } else if let Ok(Some(socket)) = handed_over.take_tcp_listener(index) {
                sockets.add(name, false, socket.into(), configuration)?;
            } else {
                return Err(format!("systemd hands over socket {index}, \"{name}\", which is neither TCP nor UDP"));
            }
        }
        Ok(sockets)
    }

    fn add(&mut self, name: &str, is_udp: bool, socket: Socket, configuration: &Configuration) -> Result<(), String> {
        let address = local(&socket);
        let has_its_port = |other: &SocketAddr| other.port() == address.port();
        let is_misnamed = if is_udp { matches!(name, "http" | "https" | "operators") } else { name == "statistics" };
        if is_misnamed {
            let (kind, want) = if is_udp { ("UDP", "TCP") } else { ("TCP", "UDP") };
            return Err(format!("systemd hands over a {kind} socket as \"{name}\", which wants a {want} one"));
        }
        if address.ip().is_multicast() {
            return Err(format!(
                "systemd hands over a socket of the multicast group {address}, which it has not joined; \
                 want the group in statistics.listen alone: the daemon joins it"
            ));
        }
        let sockets = match name {
            _ if is_udp => &mut self.statistics,
            "http" => &mut self.http,
            "https" => &mut self.https,
            "operators" => &mut self.operators,
            _ if has_its_port(&configuration.operators.listen) => &mut self.operators,
            _ if configuration.https.listen.iter().any(has_its_port) => &mut self.https,
            _ => &mut self.http,
        };
        sockets.push(socket);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn tcp() -> Socket {
        TcpListener::bind("127.0.0.1:0").unwrap().into()
    }

    fn udp() -> Socket {
        UdpSocket::bind("127.0.0.1:0").unwrap().into()
    }

    #[test]
    fn sockets_of_one_unit_are_distinguished_by_kind_and_port() {
        let mut sockets = Sockets::default();
        let (visitors, secured, watchers) = (tcp(), tcp(), tcp());
        let mut configuration = Configuration::default();
        configuration.operators.listen = local(&watchers);
        configuration.https.listen.push(local(&secured));
        for socket in [visitors, secured, watchers] {
            sockets.add("pacingd.socket", false, socket, &configuration).unwrap();
        }
        sockets.add("pacingd.socket", true, udp(), &configuration).unwrap();
        assert_eq!(sockets.http.len(), 1);
        assert_eq!(local(&sockets.https[0]), configuration.https.listen[0]);
        assert_eq!(local(&sockets.operators[0]), configuration.operators.listen);
        assert_eq!(sockets.statistics.len(), 1);
    }

    #[test]
    fn a_known_name_decides_whatever_the_port_is() {
        let mut sockets = Sockets::default();
        let visitors = tcp();
        let mut configuration = Configuration::default();
        configuration.operators.listen = local(&visitors);
        sockets.add("http", false, visitors, &configuration).unwrap();
        sockets.add("https", false, tcp(), &configuration).unwrap();
        sockets.add("operators", false, tcp(), &configuration).unwrap();
        assert_eq!((sockets.http.len(), sockets.https.len(), sockets.operators.len()), (1, 1, 1));
    }

    #[test]
    fn a_socket_of_the_wrong_kind_is_refused() {
        let mut sockets = Sockets::default();
        let configuration = Configuration::default();
        let group = UdpSocket::bind("239.1.2.3:0").unwrap().into();
        let mut refusal = |name, is_udp, socket| sockets.add(name, is_udp, socket, &configuration).unwrap_err();
        assert!(refusal("statistics", true, group).contains("the daemon joins it"));
        assert!(refusal("https", true, udp()).contains("wants a TCP one"));
        assert!(refusal("statistics", false, tcp()).contains("wants a UDP one"));
    }

    #[test]
    fn a_setting_that_systemd_overrules_is_reported_and_one_that_it_meets_is_not() {
        let (held, configured) = (tcp(), SocketAddr::from(([127, 0, 0, 1], 8080)));
        let address = local(&held);
        for (configured, held, want) in [
            (
                &[configured][..],
                &[held][..],
                Some(format!("x is [127.0.0.1:8080], but systemd listens on [{address}]")),
            ),
            (&[], &[tcp()], Some("x is [], but systemd listens on [127.0.0.1:".into())),
            (&[configured], &[], None),
        ] {
            let warning = overruled("x", held, configured);
            assert_eq!(warning.is_some(), want.is_some(), "{warning:?}");
            assert!(warning.unwrap_or_default().starts_with(&want.unwrap_or_default()));
        }
        let held = [tcp(), tcp()];
        let [one, other] = [local(&held[0]), local(&held[1])];
        assert_eq!(overruled("x", &held, &[other, one]), None, "in whatever order");
    }
}
