//! A multicast group joined: heard while its interface is there, and joined again when it comes back.
//!
//! A daemon that starts with the box starts before its network, and cables are pulled. So a missing interface is no error
//! of the daemon's: it is looked for every few seconds, told once in the log, and shown in `/metrics`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::netdevice::name_to_index;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::context::Shared;
use crate::statistics::endpoint::Group;
use crate::statistics::{self, enlarge_buffer};

/// How often the interface is looked for: statistics get stale after thirty seconds.
const LOOK: Duration = Duration::from_secs(5);

/// A group that is heard, and the index of the interface that it was joined on.
struct Joined {
    socket: UdpSocket,
    index: u32,
}

/// Hears the group for as long as the daemon runs. `place`: its place among the listeners.
pub(crate) async fn receive(shared: &'static Shared, group: Group, place: usize) {
    let mut is_told = false;
    loop {
        match join(&group) {
            Ok(joined) => {
                shared.log.info(format_args!("receiving statistics on UDP {group}"));
                statistics::log_buffer(&joined.socket, &shared.log);
                shared.listeners.opened(place, &joined.socket);
                tokio::select! {
                    () = statistics::receive(shared, &joined.socket) => {}
                    () = joined.gone(&group.interface) => {}
                }
                shared.listeners.closed(place);
                let interface = &group.interface;
                shared.log.warning(format_args!("{interface} is gone, and with it the statistics on UDP {group}"));
                is_told = true;
            }
            Err(error) if !is_told => {
                let seconds = LOOK.as_secs();
                shared.log.warning(format_args!(
                    "cannot receive statistics on UDP {group} yet: {error}; trying again every {seconds} s"
                ));
                is_told = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn join(group: &Group) -> io::Result<Joined> {
    let address = group.address;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    let index = name_to_index(&socket, &group.interface)?;
    enlarge_buffer(&socket);
    // Several programs of a machine may hear a group.
    socket.set_reuse_address(true)?;
    // Bound to the group and not to any address, so that nothing else that comes to the port is heard; and without the
    // kernel's habit of giving a socket what any other program of the machine has joined.
    match address {
        SocketAddr::V4(address) => {
            socket.bind(&SocketAddr::V4(address).into())?;
            socket.set_multicast_all_v4(false)?;
            socket.join_multicast_v4_n(address.ip(), &InterfaceIndexOrAddress::Index(index))?;
        }
        SocketAddr::V6(mut address) => {
            // Groups of link-local scope are of an interface.
            address.set_scope_id(index);
            socket.set_only_v6(true)?;
            socket.bind(&SocketAddr::V6(address).into())?;
            // Kernels before 4.20 do not know it.
            match socket.set_multicast_all_v6(false) {
                Err(error) if error.raw_os_error() != Some(rustix::io::Errno::NOPROTOOPT.raw_os_error()) => {
                    return Err(error);
                }
                _ => {}
            }
            socket.join_multicast_v6(address.ip(), index)?;
        }
    }
    socket.set_nonblocking(true)?;
    Ok(Joined { socket: UdpSocket::from_std(socket.into())?, index })
}

impl Joined {
    /// Waits until the interface is gone: no other of its name has its index.
    async fn gone(&self, interface: &str) {
        while name_to_index(&self.socket, interface) == Ok(self.index) {
            tokio::time::sleep(LOOK).await;
        }
    }
}
