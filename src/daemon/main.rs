//! The daemon: one thread, one owner of the state, and thin tasks around it.

mod arguments;
mod check_lines;
mod clock;
mod configuration;
mod context;
mod exit;
mod group_changes;
mod http;
#[cfg(feature = "tls")]
mod https;
#[cfg(not(feature = "tls"))]
#[path = "https/disabled.rs"]
mod https;
mod log;
mod lookalike;
mod reload;
mod signals;
mod statistics;
mod systemd;
mod timer;

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

use arguments::Action;
// For its `clock_gettime`.
use clock32 as _;
use configuration::Configuration;
use context::Shared;
use exit::Failure;
use http::places::Places;
use http::respond::Asked;
use http::{Listener, Protocol};
use https::Tls;
use log::Log;
use statistics::endpoint::Endpoint;
use systemd::notify::Manager;
use systemd::sockets::Sockets;
use tokio::net::UdpSocket;
use tokio::runtime::LocalOptions;

/// Version, as `--version` and the log tell it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    match act() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_told {
                exit::say(format_args!("pacingd: {}", failure.message));
            }
            failure.code
        }
    }
}

fn act() -> Result<(), Failure> {
    match arguments::parse(std::env::args_os()).map_err(Failure::usage)? {
        Action::Help => exit::print(arguments::HELP),
        Action::Version => exit::print(&format!("pacingd {VERSION}\n")),
        Action::CheckConfig(source) => {
            let configuration = source.load().map_err(Failure::configuration)?;
            let tls = Tls::new(&configuration.https).map_err(Failure::configuration)?;
            exit::print(&configuration.to_string())?;
            // As a comment, so that what is printed remains a configuration.
            tls.map_or(Ok(()), |tls| exit::print(&format!("\n# {tls}\n")))
        }
        Action::Lines(source, is_sent) => check_lines::run(&source.load().map_err(Failure::configuration)?, is_sent),
        Action::Run(source, log_to) => {
            // Before anything that takes time: until then SIGHUP would kill the process.
            let handlers = signals::Handlers::install()
                .map_err(|error| Failure::system(format!("cannot install signal handlers: {error}")))?;
            let loaded = source.load().map_err(Failure::configuration);
            // Also what is wrong with the configuration is told where the log would be without it, for nobody may see the rest.
            let default = configuration::Log::default();
            let settings = loaded.as_ref().map_or(&default, |configuration| &configuration.log);
            let log = Log::new(log_to.unwrap_or(settings.to), settings.level);
            loaded.and_then(|configuration| run(source, configuration, log_to, &log, handlers)).map_err(|failure| {
                log.error(format_args!("{}", failure.message));
                Failure { is_told: log.is_on_stderr(), ..failure }
            })
        }
    }
}

fn run(
    source: configuration::Source,
    configuration: Configuration,
    log_to: Option<log::Target>,
    log: &Log,
    handlers: signals::Handlers,
) -> Result<(), Failure> {
    // One thread does all the work, so that nothing is locked and nothing waits for another.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().enable_time().build_local(LocalOptions::default());
    let runtime = runtime.map_err(|error| Failure::system(format!("cannot start the event loop: {error}")))?;
    let _entered = runtime.enter();

    let signals = handlers.into_signals();
    let signals = signals.map_err(|error| Failure::system(format!("cannot wait for signals: {error}")))?;
    let tls = Tls::new(&configuration.https).map_err(Failure::configuration)?;
    let Opened { http, https, operators, statistics } = open(&configuration, tls.is_some(), log)?;
    let manager = Manager::from_environment();

    // Lives as long as the process; tasks share it without counting references.
    let shared: &'static Shared = Box::leak(Box::new(Shared::new(configuration, tls, log.clone(), manager)));
    shared.declare_groups();
    runtime.block_on(async {
        let visitors = Places::new(shared.configuration().http.limits.connections);
        let watchers = Places::new(http::OPERATORS_CONNECTIONS);
        for listener in http {
            tokio::task::spawn_local(listener.serve(shared, Asked::Visitors, Protocol::Http, visitors.clone()));
        }
        if let Some(tls) = &shared.tls {
            tls.log_certificate(&shared.log);
            for listener in https {
                tokio::task::spawn_local(listener.serve(
                    shared,
                    Asked::Visitors,
                    Protocol::Https(tls),
                    visitors.clone(),
                ));
            }
        }
        tokio::task::spawn_local(operators.serve(shared, Asked::Operators, Protocol::Http, watchers.clone()));
        for socket in statistics {
            let place = shared.listeners.add(statistics::local(&socket).to_string());
            shared.listeners.opened(place, &socket);
            tokio::task::spawn_local(async move { statistics::receive(shared, &socket).await });
        }
        let groups: Vec<_> =
            shared.configuration().statistics.listen.iter().filter_map(Endpoint::multicast).cloned().collect();
        for group in groups {
            let place = shared.listeners.add(group.to_string());
            tokio::task::spawn_local(statistics::multicast::receive(shared, group, place));
        }
        tokio::task::spawn_local(timer::run(shared));
        tokio::task::spawn_local(shared.manager.watch());
        shared.log.info(format_args!("ready, version {VERSION}"));
        shared.manager.ready();
        while let signals::Signal::Reload = signals.next().await {
            shared.manager.reloading();
            reload::reload(shared, &source, log_to);
            shared.manager.ready();
        }
        shared.manager.stopping();
        shared.log.info(format_args!("stopping: answers under way get {} s", http::DRAIN.as_secs()));
        shared.stop();
        let unfinished = tokio::time::timeout(http::DRAIN, async {
            visitors.wait_until_empty().await;
            watchers.wait_until_empty().await;
        });
        if unfinished.await.is_err() {
            shared.log.warning(format_args!("some answers were not finished in time"));
        }
        shared.log.info(format_args!("stopped"));
        Ok(())
    })
}

struct Opened {
    http: Vec<Listener>,
    https: Vec<Listener>,
    operators: Listener,
    /// Those of multicast groups are opened when their interfaces are there.
    statistics: Vec<UdpSocket>,
}

/// The sockets: those that systemd holds, and for the rest our own.
fn open(configuration: &Configuration, has_certificate: bool, log: &Log) -> Result<Opened, Failure> {
    let held = Sockets::take(configuration).map_err(Failure::configuration)?;
    held.tell_differences(configuration, |line| log.warning(line));
    if !held.https.is_empty() && !has_certificate {
        let message =
            "systemd hands over a socket for HTTPS; want https.certificate and https.key in the configuration";
        return Err(Failure::configuration(message));
    }
    let listeners = |held: Vec<TcpListener>, configured: &[SocketAddr]| {
        let listeners: Result<Vec<_>, _> = if held.is_empty() {
            configured.iter().map(|address| http::bind(*address, configured)).collect()
        } else {
            held.into_iter().map(http::adopt).collect()
        };
        listeners.map_err(Failure::system)
    };
    let http = listeners(held.http, &configuration.http.listen)?;
    let https = listeners(held.https, &configuration.https.listen)?;
    let operators = held.operators.map_or_else(|| http::bind(configuration.operators.listen, &[]), http::adopt);
    let statistics: Result<Vec<_>, _> = if held.statistics.is_empty() {
        let configured: Vec<_> = configuration.statistics.listen.iter().filter_map(Endpoint::unicast).collect();
        configured.iter().map(|address| statistics::bind(*address, &configured)).collect()
    } else {
        held.statistics.into_iter().map(statistics::adopt).collect()
    };
    let operators = operators.map_err(Failure::system)?;
    let opened = Opened { http, https, operators, statistics: statistics.map_err(Failure::system)? };

    for listener in &opened.http {
        log.info(format_args!("answering HTTP on {}", listener.local()));
    }
    for listener in &opened.https {
        log.info(format_args!("answering HTTPS on {}", listener.local()));
    }
    log.info(format_args!("answering operators on {}", opened.operators.local()));
    for socket in &opened.statistics {
        log.info(format_args!("receiving statistics on UDP {}", statistics::local(socket)));
        statistics::log_buffer(socket, log);
    }
    if !configuration.statistics.keys.is_empty() {
        log.info(format_args!("statistics must be signed; keys: {}", configuration.statistics.keys.len()));
    }
    Ok(opened)
}
