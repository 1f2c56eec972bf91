//! Joins multicast groups, again after their interface has been away.
//!
//! A missing interface is not an error, because the daemon may start before the network: it is
//! looked for every few seconds, logged once, and shown in `/metrics`.

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

/// How often the interface is looked for.
const LOOK: Duration = Duration::from_secs(5);

/// Receives from `group` until the daemon ends. `place` is its index among the listeners.
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
                    // An interface that was removed and added again has another index.
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

/// Returns a socket that has joined the group, and the index of the interface.
fn join(group: &Endpoint) -> io::Result<(UdpSocket, u32)> {
    let address = group.address;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    let index = name_to_index(&socket, &group.interface)?;
    sockets::enlarge_buffer(&socket);
    // Several programs of a machine may receive from a group.
    socket.set_reuse_address(true)?;
    // Bound to the group, so that the socket receives nothing else at the port; `multicast_all`
    // would deliver groups that other programs have joined.
    match address {
        SocketAddr::V4(address) => {
            socket.bind(&SocketAddr::V4(address).into())?;
            socket.set_multicast_all_v4(false)?;
            socket.join_multicast_v4_n(address.ip(), &InterfaceIndexOrAddress::Index(index))?;
        }
        SocketAddr::V6(mut address) => {
            // Link-local groups need the interface.
            address.set_scope_id(index);
            socket.set_only_v6(true)?;
            socket.bind(&SocketAddr::V6(address).into())?;
            // Kernels before 4.20 do not have it.
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
