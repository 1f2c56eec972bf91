//! The daemon: one thread, which owns the state, and thin tasks around it.

mod alarm;
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
mod sockets;
mod statistics;
mod systemd;
mod throttle;
mod timer;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::Action;
// For its `clock_gettime`.
use clock32 as _;
use configuration::{Configuration, Source};
use context::Context;
use exit::Failure;
use http::places::Places;
use http::respond::Asked;
use https::Tls;
use log::Log;
use signals::{Signal, Signals};
use socket2::Socket;
use sockets::Sockets;
use systemd::Manager;
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::{LocalOptions, LocalRuntime};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    match perform() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.message.lines() {
                let _ = writeln!(std::io::stderr(), "pacingd: {line}");
            }
            failure.code
        }
    }
}

fn perform() -> Result<(), Failure> {
    match arguments::parse(std::env::args_os()).map_err(Failure::usage)? {
        Action::Help => exit::print(format_args!("{}", arguments::HELP)),
        Action::Version => exit::print(format_args!("pacingd {VERSION}\n")),
        Action::CheckConfig(source) => check_configuration(&source),
        Action::Lines(source, is_sent) => check_lines::run(&source.load().map_err(Failure::configuration)?, is_sent),
        Action::Run(source, log_to) => {
            // One thread does all the work, so that nothing needs a lock.
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_io().enable_time().build_local(LocalOptions::default());
            let runtime = runtime.map_err(|error| Failure::system(format!("cannot start the event loop: {error}")))?;
            let _entered = runtime.enter();
            // First of all: until then SIGHUP kills the process.
            let signals = Signals::install()
                .map_err(|error| Failure::system(format!("cannot install signal handlers: {error}")))?;
            let loaded = source.load().map_err(Failure::configuration);
            // Faults of the configuration are logged: nobody may read standard error.
            let default = configuration::Log::default();
            let settings = loaded.as_ref().map_or(&default, |configuration| &configuration.log);
            let log = Log::start(log_to.unwrap_or(settings.to), settings.level);
            let run = |configuration| run(&runtime, &signals, &source, configuration, log_to, log);
            loaded.and_then(run).map_err(|Failure { code, message }| {
                message.lines().for_each(|line| log.error(format_args!("{line}")));
                Failure { code, message: if log.is_on_stderr() { String::new() } else { message } }
            })
        }
    }
}

/// Prints the settings in force, or all faults of the configuration.
fn check_configuration(source: &Source) -> Result<(), Failure> {
    let configuration = source.read().map_err(Failure::configuration)?;
    let keys = configuration.read_keys();
    let tls = match (keys, Tls::new(&configuration.https)) {
        (Ok(_), Ok(tls)) => tls,
        (keys, tls) => {
            let faults: Vec<_> = keys.err().into_iter().chain(tls.err()).collect();
            return Err(Failure::configuration(faults.join("\n")));
        }
    };
    exit::print(format_args!("{configuration}"))?;
    // As a comment, so that the output is a valid configuration.
    tls.map_or(Ok(()), |tls| exit::print(format_args!("\n# {}\n", tls.certificate())))
}

fn run(
    runtime: &LocalRuntime,
    signals: &Signals,
    source: &Source,
    configuration: Configuration,
    log_to: Option<log::Target>,
    log: &'static Log,
) -> Result<(), Failure> {
    let tls = Tls::new(&configuration.https).map_err(Failure::configuration)?;
    let Sockets { http, https, operators, statistics } = sockets::open(&configuration, log)?;
    if !configuration.keys.is_empty() {
        log.info(format_args!("statistics must be signed; keys: {}", configuration.keys.len()));
    }
    let manager: &'static Manager = Box::leak(Box::new(Manager::from_environment()));

    // Tasks share it without reference counts, as long as the process lives.
    let context: &'static Context = Box::leak(Box::new(Context::new(configuration, tls, log)));
    context.declare_groups();
    runtime.block_on(async {
        let visitors = Places::new(context.configuration().limits.connections);
        let watchers = Places::new(http::OPERATORS_CONNECTIONS);
        let mut tasks = Vec::new();
        let mut serve = |sockets: Vec<Socket>, asked, tls, places: &Places| {
            sockets.into_iter().try_for_each(|socket| {
                let listener = TcpListener::from_std(socket.into()).map_err(Failure::system)?;
                tasks.push(tokio::task::spawn_local(http::serve(listener, context, asked, tls, places.clone())));
                Ok(())
            })
        };
        serve(http, Asked::Visitors, None, &visitors)?;
        if let Some(tls) = &context.tls {
            tls.log_certificate(context.log);
            serve(https, Asked::Visitors, Some(tls), &visitors)?;
        }
        serve(operators, Asked::Operators, None, &watchers)?;
        for socket in statistics {
            let place = context.listeners.add(sockets::local(&socket).to_string());
            let socket = UdpSocket::from_std(socket.into()).map_err(Failure::system)?;
            context.listeners.set(place, Some(&socket));
            tokio::task::spawn_local(async move { statistics::receive(context, &socket).await });
        }
        for group in context.configuration().statistics.listen.iter().filter(|endpoint| endpoint.is_multicast()) {
            let place = context.listeners.add(group.to_string());
            tokio::task::spawn_local(statistics::multicast::receive(context, group.clone(), place));
        }
        tokio::task::spawn_local(timer::run(context, manager));
        tokio::task::spawn_local(manager.keep_alive());
        context.log.info(format_args!("ready, version {VERSION}"));
        manager.ready();
        while let Signal::Reload = signals.next().await {
            manager.reloading();
            reload::reload(context, source, log_to);
            manager.ready();
        }
        manager.stopping();
        context.log.info(format_args!("stopping: answers under way get {} s", http::DRAIN.as_secs()));
        context.stop();
        visitors.wake();
        watchers.wake();
        let unfinished = tokio::time::timeout(http::DRAIN, async {
            for task in tasks {
                let _ = task.await;
            }
            visitors.wait_until_empty().await;
            watchers.wait_until_empty().await;
        });
        if unfinished.await.is_err() {
            context.log.warning(format_args!("some answers were not finished in time"));
        }
        context.log.info(format_args!("stopped"));
        Ok(())
    })
}
