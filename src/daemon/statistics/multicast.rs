//! Multicast groups: joined when their interface is there, and again when it comes back.
//!
//! A daemon that starts with the box starts before its network, and cables are pulled. So a missing interface is no error:
//! it is looked for every few seconds, logged once, and shown in `/metrics`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use socket2::{Domain, InterfaceIndexOrAddress, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use crate::context::Context;
use crate::statistics::endpoint::Endpoint;
use crate::{sockets, statistics};

/// How often the interface is looked for: statistics are stale after thirty seconds.
const LOOK: Duration = Duration::from_secs(5);

/// Receives from `group` for as long as the daemon runs. `place` is its place among the listeners.
pub(crate) async fn receive(context: &'static Context, group: Endpoint, place: usize) {
    let interface = &group.interface;
    let mut is_logged = false;
    loop {
        match join(&group) {
            Ok((socket, index)) => {
                context.log.info(format_args!("receiving statistics on UDP {group}"));
                sockets::log_buffer(&SockRef::from(&socket), context.log);
                context.listeners.set(place, Some(&socket));
                let gone = async {
                    // One that comes back under its name has another index.
                    while name_to_index(&socket, interface) == Ok(index) {
                        tokio::time::sleep(LOOK).await;
                    }
                };
                tokio::select! {
                    () = statistics::receive(context, &socket) => {}
                    () = gone => {}
                }
                context.listeners.set(place, None);
                context.log.warning(format_args!("{interface} is gone, and with it the statistics on UDP {group}"));
                is_logged = true;
            }
            Err(error) if !is_logged => {
                let seconds = LOOK.as_secs();
                context.log.warning(format_args!(
                    "cannot receive statistics on UDP {group} yet: {error}; trying again every {seconds} s"
                ));
                is_logged = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A socket of the group, and the index of the interface on which it was joined.
fn join(group: &Endpoint) -> io::Result<(UdpSocket, u32)> {
    let address = group.address;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    let index = name_to_index(&socket, &group.interface)?;
    sockets::enlarge_buffer(&socket);
    // Several programs of a machine may receive from a group.
    socket.set_reuse_address(true)?;
    // Bound to the group and not to any address, so that nothing else that arrives at the port is received; and without
    // the kernel's default of delivering what any other program of the machine has joined.
    match address {
        SocketAddr::V4(address) => {
            socket.bind(&SocketAddr::V4(address).into())?;
            socket.set_multicast_all_v4(false)?;
            socket.join_multicast_v4_n(address.ip(), &InterfaceIndexOrAddress::Index(index))?;
        }
        SocketAddr::V6(mut address) => {
            // Groups of link-local scope belong to an interface.
            address.set_scope_id(index);
            socket.set_only_v6(true)?;
            socket.bind(&SocketAddr::V6(address).into())?;
            // Kernels before 4.20 do not know it.
            let unknown = Some(Errno::NOPROTOOPT.raw_os_error());
            socket
                .set_multicast_all_v6(false)
                .or_else(|error| if error.raw_os_error() == unknown { Ok(()) } else { Err(error) })?;
            socket.join_multicast_v6(address.ip(), index)?;
        }
    }
    socket.set_nonblocking(true)?;
    Ok((UdpSocket::from_std(socket.into())?, index))
}
