//! Sockets that systemd holds for the daemon (`sd_listen_fds(3)`): they outlive it, and so do the connections and
//! datagrams that wait in them while it restarts.
//!
//! A socket unit can give all its sockets only one name. So a name decides if it is `http`, `https`, `operators` or
//! `statistics`; else a datagram socket is for statistics, a stream socket with the port of `operators.listen` for
//! operators, one with a port of `https.listen` for HTTPS, and any other for HTTP. Each is used as it is bound: whether one
//! for any address of IPv6 takes IPv4 as well is up to `BindIPv6Only=` in the unit.

use std::fmt;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use listenfd::ListenFd;

use crate::configuration::Configuration;
use crate::statistics::endpoint::Endpoint;

/// The sockets handed over.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) http: Vec<TcpListener>,
    pub(crate) https: Vec<TcpListener>,
    pub(crate) operators: Option<TcpListener>,
    pub(crate) statistics: Vec<UdpSocket>,
}

impl Sockets {
    /// Takes them all; none if systemd did not start the daemon. To be called once, before there is another thread.
    ///
    /// # Errors
    ///
    /// One of them cannot be used; starting again does not help.
    pub(crate) fn take(configuration: &Configuration) -> Result<Self, String> {
        let mut handed_over = ListenFd::from_env();
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut sockets = Self::default();
        for index in 0..handed_over.len() {
            let name = names.next().unwrap_or_default();
            if let Ok(Some(socket)) = handed_over.take_udp_socket(index) {
                sockets.take_udp(name, socket)?;
            } else if let Ok(Some(socket)) = handed_over.take_tcp_listener(index) {
                sockets.take_tcp(name, socket, configuration)?;
            } else {
                return Err(format!("systemd hands over socket {index}, \"{name}\", which is neither TCP nor UDP"));
            }
        }
        Ok(sockets)
    }

    fn take_udp(&mut self, name: &str, socket: UdpSocket) -> Result<(), String> {
        if matches!(name, "http" | "https" | "operators") {
            return Err(format!("systemd hands over a UDP socket as \"{name}\", which wants a TCP one"));
        }
        if let Some(group) = socket.local_addr().ok().filter(|address| address.ip().is_multicast()) {
            return Err(format!(
                "systemd hands over a socket of the multicast group {group}, which it has not joined; \
                 want the group in statistics.listen alone: the daemon joins it"
            ));
        }
        self.statistics.push(socket);
        Ok(())
    }

    fn take_tcp(&mut self, name: &str, socket: TcpListener, configuration: &Configuration) -> Result<(), String> {
        let Configuration { https, operators, .. } = configuration;
        let port = socket.local_addr().map(|address| address.port()).ok();
        let has_port_of = |address: &SocketAddr| Some(address.port()) == port;
        let purpose = match name {
            "http" | "https" | "operators" | "statistics" => name,
            _ if has_port_of(&operators.listen) => "operators",
            _ if https.listen.iter().any(has_port_of) => "https",
            _ => "http",
        };
        match purpose {
            "http" => self.http.push(socket),
            "https" => self.https.push(socket),
            "operators" if self.operators.is_none() => self.operators = Some(socket),
            "operators" => return Err("systemd hands over two TCP sockets for operators; one is wanted".into()),
            _ => return Err("systemd hands over a TCP socket as \"statistics\", which wants a UDP one".into()),
        }
        Ok(())
    }

    /// Calls `warn` for each setting that has no effect because systemd holds a socket of another address in its place.
    pub(crate) fn compare(&self, configuration: &Configuration, mut warn: impl FnMut(fmt::Arguments<'_>)) {
        let Configuration { http, https, operators, statistics, .. } = configuration;
        let mut compare = |key, mut held: Vec<SocketAddr>, mut configured: Vec<SocketAddr>| {
            held.sort_unstable();
            configured.sort_unstable();
            if !held.is_empty() && held != configured {
                let (configured, held) = (list(&configured), list(&held));
                warn(format_args!(
                    "{key} is {configured}, but systemd listens on {held} instead; change pacingd.socket (systemctl edit)"
                ));
            }
        };
        let tcp = |sockets: &[TcpListener]| sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        compare("http.listen", tcp(&self.http), http.listen.clone());
        compare("https.listen", tcp(&self.https), https.listen.clone());
        compare("operators.listen", tcp(self.operators.as_slice()), vec![operators.listen]);
        let held = self.statistics.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        // The daemon joins multicast groups by itself, whatever systemd holds.
        compare("statistics.listen", held, statistics.listen.iter().filter_map(Endpoint::unicast).collect());
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    if addresses.is_empty() { "no address".into() } else { addresses.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn udp() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn sockets_of_one_unit_are_distinguished_by_kind_and_port() {
        let mut sockets = Sockets::default();
        let (visitors, secured, watchers) = (tcp(), tcp(), tcp());
        let mut configuration = Configuration::default();
        configuration.operators.listen = watchers.local_addr().unwrap();
        configuration.https.listen.push(secured.local_addr().unwrap());
        for socket in [visitors, secured, watchers] {
            sockets.take_tcp("pacingd.socket", socket, &configuration).unwrap();
        }
        sockets.take_udp("pacingd.socket", udp()).unwrap();
        assert_eq!(sockets.http.len(), 1);
        assert_eq!(sockets.https[0].local_addr().unwrap(), configuration.https.listen[0]);
        assert_eq!(sockets.operators.unwrap().local_addr().unwrap(), configuration.operators.listen);
        assert_eq!(sockets.statistics.len(), 1);
    }

    #[test]
    fn a_known_name_decides_whatever_the_port_is() {
        let mut sockets = Sockets::default();
        let visitors = tcp();
        let mut configuration = Configuration::default();
        configuration.operators.listen = visitors.local_addr().unwrap();
        sockets.take_tcp("http", visitors, &configuration).unwrap();
        sockets.take_tcp("https", tcp(), &configuration).unwrap();
        sockets.take_tcp("operators", tcp(), &configuration).unwrap();
        assert_eq!((sockets.http.len(), sockets.https.len(), sockets.operators.is_some()), (1, 1, true));
    }

    #[test]
    fn a_socket_too_many_or_of_the_wrong_kind_is_refused() {
        let mut sockets = Sockets::default();
        let configuration = Configuration::default();
        let group = UdpSocket::bind("239.1.2.3:0").unwrap();
        assert!(sockets.take_udp("statistics", group).unwrap_err().contains("the daemon joins it"));
        assert!(sockets.take_udp("https", udp()).unwrap_err().contains("wants a TCP one"));
        let refused = sockets.take_tcp("statistics", tcp(), &configuration).unwrap_err();
        assert!(refused.contains("wants a UDP one"));
        sockets.take_tcp("operators", tcp(), &configuration).unwrap();
        let refused = sockets.take_tcp("operators", tcp(), &configuration).unwrap_err();
        assert!(refused.contains("two TCP sockets"));
    }

    #[test]
    fn a_setting_that_systemd_overrules_is_reported_and_one_that_it_meets_is_not() {
        let mut configuration = Configuration::default();
        let sockets = Sockets { http: vec![tcp()], https: vec![tcp()], operators: Some(tcp()), ..Sockets::default() };
        configuration.operators.listen = sockets.operators.as_ref().unwrap().local_addr().unwrap();
        let mut warnings = Vec::new();
        sockets.compare(&configuration, |line| warnings.push(line.to_string()));
        let [http, https] = [&sockets.http, &sockets.https].map(|sockets| sockets[0].local_addr().unwrap());
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        for (line, want) in warnings.iter().zip([
            format!("http.listen is 127.0.0.1:8080, but systemd listens on {http} instead"),
            format!("https.listen is no address, but systemd listens on {https} instead"),
        ]) {
            assert!(line.starts_with(&want), "{warnings:?}");
        }
    }
}
