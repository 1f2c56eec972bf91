//! Any configuration file: read or refused with its line, and what was read is printed as a file
//! that means the same.
#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)] // The daemon's own files are built in, and not all of each is used.

use libfuzzer_sys::fuzz_target;

// `daemon` here is a link to the daemon's folder; its modules stand where they stand in the daemon.
#[path = "daemon/clock.rs"]
mod clock;
#[path = "daemon/configuration/mod.rs"]
mod configuration;
#[path = "daemon/http"]
mod http {
    pub(crate) mod cors;
}
#[path = "daemon/log/mod.rs"]
mod log;
#[path = "daemon/lookalike.rs"]
mod lookalike;
#[path = "daemon/statistics"]
mod statistics {
    pub(crate) mod endpoint;
}
#[path = "daemon/throttle.rs"]
mod throttle;

use configuration::Configuration;

fuzz_target!(|text: &str| {
    match Configuration::parse("file", text) {
        Ok(configuration) => {
            let printed = configuration.to_string();
            let again =
                Configuration::parse("printed", &printed).unwrap_or_else(|error| panic!("{error} in\n{printed}"));
            assert_eq!(again, configuration, "{printed}");
        }
        Err(error) => error.lines().for_each(|line| assert!(line.starts_with("file:"), "{error}")),
    }
});
